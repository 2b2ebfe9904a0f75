# SPDX-License-Identifier: BSD-2-Clause
"""Prometheus' text format, read as strictly as Prometheus does."""
import re

NAME, LABEL = r'[a-zA-Z_:][a-zA-Z0-9_:]*', r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{LABEL}(?:,|(?=\}})))*)\}})? (\S+)')


class Metrics:
    """What was told: a value for each name with its labels, and the type of each family."""

    def __init__(self, text):
        self.types, self.samples, self.text = {}, {}, text
        assert not text or text.endswith('\n')
        for line in text.splitlines():
            self._line(line)

    def _line(self, line):
        if line.startswith('# HELP '):
            return
        if line.startswith('# TYPE '):
            name, kind = line.split(' ')[2:]
            assert name not in self.types, f'{name} is told of twice'
            self.types[name] = kind
            return
        found = SAMPLE.fullmatch(line)
        assert found, line
        key = found[1], frozenset(re.findall(LABEL, found[2] or ''))
        assert key not in self.samples, f'{line} is told twice'
        assert self.family(found[1]) in self.types, f'{line} is of no family'
        self.samples[key] = float(found[5])

    def family(self, name):
        """A histogram's samples have names of their own."""
        return name if name in self.types else re.sub('_(bucket|sum|count)$', '', name)

    def names(self):
        return {name for name, _ in self.samples}

    def get(self, name, **labels):
        """The value of the one sample with just these labels, without the prefix; None: there is none."""
        return self.samples.get((f'xdp_ipsec_{name}', frozenset(labels.items())))

    def counters(self):
        """What must never go back."""
        return {key: value for key, value in self.samples.items()
                if self.types[self.family(key[0])] == 'counter' or key[0].endswith(('_bucket', '_count'))}
