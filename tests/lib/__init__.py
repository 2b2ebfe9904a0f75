# SPDX-License-Identifier: BSD-2-Clause
r"""
What the tests of e2e and interop, and the figures of bench, are made of. tests/e2e has two ends of ours on a cable, or one and
a peer of raw frames; tests/interop has one of ours, and Linux, strongSwan or libreswan in a guest. A file with no test is here.

    peers/  gate/        the other end that is not ours; the matrix of events under which a gate stays closed
         \  /
        beds/            hosts and the cables between them, which know what is below
          |
    here                 what knows no bed

Here:

    wait          until(condition, what): the one way to wait
    netns         namespaces, cables (veth), sockets and threads inside
    wire          what is on a cable: frames in and out (Tap), captures (Capture), what a frame says (parse)
    packets, esp  what scapy has no word for; ESP a second and third time, independent of the product
    ike_raw       IKE messages of somebody without a key
    traffic       sockets that must stay deaf, flows, bulk that must arrive whole
    pki           a CA, certificates, revocations
    daemons       programs of others: BIRD, DNS, SSH
    service_manager   what systemd is to a daemon
    bpf_programs  BPF programs of somebody else on the same hooks
    pinned        a map of a host's, mapped
    document      README.md and docs/, taken apart into what they have people do
    reader        does it
    middle.c      that cable: a program between two interfaces; wrong_clock.c: a wall clock that is set
    host          `Host`: xdp-ipsec with its own instance, and the command to ask it

The names of beds, each drawn where it is defined:

    name     file          what is made                                   keys          to be had as the fixture
    bed      beds/bed      one host; the peer is this process, raw frames by hand       bed
    pair     beds/pair     two hosts, a bridge that sees everything       by hand       pair, own_pair, shared_pair
    ike_pair beds/ike      the same, not started                          IKEv2         ike_pair, native
    lossy    beds/middle   the same, and a cable that loses, doubles, delays    IKEv2
    flooded  beds/flooded  a pair, and on the wire somebody who floods    IKEv2          flooded (test_floods.py)
    routed   beds/routed   two hosts, a router with a narrow link         by hand
    lan      beds/lan      any number of hosts on one Ethernet            IKEv2
    hub      beds/hub      a few spokes that are thousands of peers       IKEv2
    machines beds/machines hosts with a shell, as documents speak of them              by file
    place    beds/place    one host where root may do less: a container   either
    killed   beds/killed   two hosts of which anybody is killed, a recorder       either
    gate     gate/bed      two hosts, events, traffic that never stops    IKEv2
    guest    peers/guest_bed  one host, a Linux of its own as the peer    either        bed, own_bed (interop)

Beside the beds: `floods` has what `flooded` is flooded with, `paced` is traffic at a steady pace with somebody who forges,
`tcp_peer` the least of TCP behind a bed.
"""
