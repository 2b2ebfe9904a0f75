# SPDX-License-Identifier: BSD-2-Clause
"""
Peers that are not ours: Linux XFRM in a guest, by itself or below strongSwan or libreswan.

    tunnel      both ends and the record of the wire, as the tests with keys by hand see them
    datapath    our end, keys by hand                daemon      our end, keys by IKEv2
    xfrm, sas   the guest's end, keys by hand        strongswan, libreswan   the guest's end, keys by IKEv2
    record      what was on the wire                 delay       a wire that takes its time
    guest_bed   the wire and its two ends
    errands     what either end can be asked to do, by the names of its functions
    uml, guest  a Linux kernel as a process; what is its PID 1, which runs the errands there
"""
