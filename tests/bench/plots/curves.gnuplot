# SPDX-License-Identifier: BSD-2-Clause
#
# One SVG: panels side by side, in each curves over the same numbers, both axes logarithmic. draw.py says before:
#   out, width, height, heading, note    pixels and texts
#   panels, title[i]                     each panel's name
#   least, most                          the numbers that all x axes begin and end with
#   bottom[i], top[i]                    the same of each panel's y axis
#   marks[i]                             where it has its marks
#   curves[i]                            what plot has, of each panel: files of x, y and a text, colours

set terminal svg size width,height enhanced font 'sans-serif,13' background '#ffffff'
set output out

above = 84.0 / height
below = 34.0 / height
step = 1.0 / panels

set border 3 lc rgb '#d8dee4'
set tics nomirror scale 0
set xtics textcolor rgb '#6e7781' font ',11'
set ytics textcolor rgb '#6e7781' font ',11'
set grid lt 1 lw 1 lc rgb '#d8dee4'
set logscale xy 10
set xrange [least / 1.4 : most * 100]
set xtics 1, 100
set format x "%.0s%c"
set format y '%g'
unset key
set tmargin at screen 1 - above
set bmargin at screen below

set multiplot
set label 1 heading at screen 0.015, screen 1 - 20.0 / height left font ',17' textcolor rgb '#1f2328' front
set label 2 note at screen 0.015, screen 1 - 42.0 / height left font ',12' textcolor rgb '#6e7781' front
do for [p = 1:panels] {
    set lmargin at screen (p - 1) * step + 0.055
    set rmargin at screen p * step - 0.02
    set yrange [bottom[p] : top[p]]
    eval 'set ytics (' . marks[p] . ')'
    set label 3 title[p] at graph 0, screen 1 - 68.0 / height left font ',13' textcolor rgb '#1f2328'
    eval 'plot ' . curves[p]
    unset label 1
    unset label 2
}
unset multiplot
