# SPDX-License-Identifier: BSD-2-Clause
"""`Hearing`: 'events' of a host while a test runs, as they come."""
import json
import subprocess
import threading

from lib.wait import until


class Hearing:
    """All events since it was entered, in `heard`."""

    def __init__(self, host):
        self.host = host
        self.heard = []

    def __enter__(self):
        self.process = subprocess.Popen(self.host.argv('-j', 'events'), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        # One that certainly comes, once it hears.
        until(lambda: self.host.cmd('reload', check=False) and self.heard, 'it hears')
        return self

    def _read(self):
        for line in self.process.stdout:
            self.heard.append(json.loads(line))

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def of(self, *kinds):
        return [e for e in list(self.heard) if e['event'] in kinds]

    def first(self, kind, **values):
        """The first of the kind that has these values, which is waited for."""
        def find():
            return next((e for e in self.of(kind) if all(e.get(k) == v for k, v in values.items())), None)
        return until(find, f'{kind} {values} among {[e["event"] for e in self.heard]}')
