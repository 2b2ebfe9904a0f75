# SPDX-License-Identifier: BSD-2-Clause
"""
`make soak MINUTES=n SEED=n`: two hosts that live at random for a long time. Rounds: faults, as the dice have them, under traffic;
everything is made good; then it has to come back, and be in order.

    __main__   the rounds, and what is said of them
    bed        two hosts, the middle between them (lib/beds/middle.py), and their traffic
    traffic    a process of its own: datagrams and streams both ways, each octet of them known
    faults     the table of what may happen
    patience   how it waits
    order      what must hold: nothing leaks, every packet is accounted for, nothing in clear
"""
