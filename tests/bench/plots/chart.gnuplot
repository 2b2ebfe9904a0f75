# SPDX-License-Identifier: BSD-2-Clause
#
# One SVG: panels side by side with the same rows. draw.py says before:
#   out, width, height, heading, note    pixels and texts
#   panels, title[i], file[i]            each panel's name, and its data
#   top, apart                           where all axes end, and how far apart their marks are
#   left                                 the share of the width that the rows' names take
#   rows, name[i]                        from top to bottom, in rows 1, 2, ...
#   kind                                 'bars': from 0 to a median, with a line from least to most;
#                                        'ranges': from p50, a dot, to p99, on a logarithmic axis from `bottom`
# Data, a line each: row, value, least, most (p99), height of the bar, colour as 0xAARRGGBB, text.

set terminal svg size width,height enhanced font 'sans-serif,13' background '#ffffff'
set output out

above = 74.0 / height
below = 34.0 / height
step = (1 - left) / panels
gap = 0.025

unset key
set border 0
set tics nomirror scale 0
set style fill solid 1.0 noborder
set yrange [rows + 0.7 : 0.3]
set xtics textcolor rgb '#6e7781' font ',11'
set grid xtics lt 1 lw 1 lc rgb '#d8dee4'
set tmargin at screen 1 - above
set bmargin at screen below
if (kind eq 'ranges') set logscale x 10

set multiplot
set label 1 heading at screen 0.015, screen 1 - 20.0 / height left font ',17' textcolor rgb '#1f2328' front
set label 2 note at screen 0.015, screen 1 - 42.0 / height left font ',12' textcolor rgb '#6e7781' front
do for [p = 1:panels] {
    set lmargin at screen left + (p - 1) * step
    set rmargin at screen left + p * step - gap
    set label 3 title[p] at graph 0, screen 1 - 63.0 / height left font ',13' textcolor rgb '#1f2328'
    if (p == 1) {
        set ytics () textcolor rgb '#1f2328' font ',13'
        do for [n = 1:rows] { set ytics add (name[n] n) }
    } else {
        unset ytics
    }
    if (kind eq 'bars') {
        set xrange [0 : top]
        set xtics apart format '%g'
        plot file[p] using 2:1:(0):2:($1 - $5 / 2):($1 + $5 / 2):6 with boxxyerror lc rgb variable, \
             file[p] using 2:1:3:4 with xerrorbars pt -1 lw 1.2 lc rgb '#57606a', \
             file[p] using 4:1:7 with labels left offset 0.6,0 font ',11' textcolor rgb '#1f2328'
    } else {
        set xrange [bottom : top]
        set xtics autofreq format '%.0s%c'
        plot file[p] using 2:1:($4 - $2):(0):6 with vectors nohead lw 4 lc rgb variable, \
             file[p] using 2:1:6 with points pt 7 ps 0.9 lc rgb variable, \
             file[p] using 4:1:6 with points pt 9 ps 0.6 lc rgb variable, \
             file[p] using 4:1:7 with labels left offset 0.9,0 font ',11' textcolor rgb '#1f2328'
    }
    unset label 1
    unset label 2
}
unset multiplot
