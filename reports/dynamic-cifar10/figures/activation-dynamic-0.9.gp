# Draws activation-dynamic-0.9.svg, activation-dynamic-0.9.pdf and activation-dynamic-0.9.png from activation-dynamic-0.9.csv: gnuplot activation-dynamic-0.9.gp
set encoding utf8
set datafile separator comma
data = 'activation-dynamic-0.9.csv'
set border 3 linewidth 0.8
set tics nomirror scale 0.6
set grid linetype 1 linecolor rgb '#b0b0b0' linewidth 0.3
set style fill transparent solid 0.22 noborder
set linetype 1 linecolor rgb '#d55e00' linewidth 2 pointtype 7 pointsize 0.4
set linetype 2 linecolor rgb '#0072b2' linewidth 2 pointtype 7 pointsize 0.4
set linetype 3 linecolor rgb '#009e73' linewidth 2 pointtype 7 pointsize 0.4
set linetype 4 linecolor rgb '#cc79a7' linewidth 2 pointtype 7 pointsize 0.4
set linetype 5 linecolor rgb '#e69f00' linewidth 2 pointtype 7 pointsize 0.4
set linetype 6 linecolor rgb '#56b4e9' linewidth 2 pointtype 7 pointsize 0.4
set linetype 7 linecolor rgb '#000000' linewidth 2 pointtype 7 pointsize 0.4
set linetype cycle 7
array faint[7] = ['#80d55e00', '#800072b2', '#80009e73', '#80cc79a7', '#80e69f00', '#8056b4e9', '#80000000']
K = 21; B = 6

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,625 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,6.510416666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1250 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'activation-dynamic-0.9.'.format
set multiplot
set xrange [-0.5:K-0.5]
set yrange [-0.5:B-0.5]
set cbrange [0:1]
unset grid
set tics out
set style fill solid
set xtics ('119' 2, '500' 10, '880' 18)
set ytics 1
set xlabel 'timestep t' offset 0,0.4
unset key
set palette defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')
set colorbox user origin 0.8842,0.6416 size 0.0158,0.3040
set cbtics ('none on' 0, 'half' 0.5, 'all on' 1) scale 0
set lmargin at screen 0.08157894736842106
set rmargin at screen 0.325
set tmargin at screen 0.9456
set bmargin at screen 0.6416
set title 'heads' offset 0,-0.6
set ylabel 'block' offset 0
set format y '%g'
plot data skip 1 every ::0::K*B-1 using 1:3:4 with image
set lmargin at screen 0.34342105263157896
set rmargin at screen 0.5868421052631579
set tmargin at screen 0.9456
set bmargin at screen 0.6416
set title 'channel groups' offset 0,-0.6
unset ylabel
set format y ''
unset colorbox
plot data skip 1 every ::0::K*B-1 using 1:3:5 with image
set lmargin at screen 0.6052631578947368
set rmargin at screen 0.8486842105263158
set tmargin at screen 0.9456
set bmargin at screen 0.6416
set title 'tokens' offset 0,-0.6
unset ylabel
set format y ''
unset colorbox
plot data skip 1 every ::0::K*B-1 using 1:3:6 with image
set lmargin at screen 0.08157894736842106
set rmargin at screen 0.965
set tmargin at screen 0.48
set bmargin at screen 0.09919999999999995
set key at screen 0.013158,0.539200 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
unset title
set grid
set style fill transparent solid 0.22 noborder
set xrange [0:1000]
set yrange [0:1]
set xtics auto
set ytics 0.2
set format y '%g'
set ylabel 'share that is on' offset 1
plot data skip 1 every ::K*B using 2:10:11 with filledcurves linecolor rgb '#000000' notitle, \
  data skip 1 every ::K*B using 2:4 with linespoints linetype 1 title 'heads', \
  data skip 1 every ::K*B using 2:5 with linespoints linetype 2 title 'channel groups', \
  data skip 1 every ::K*B using 2:6 with linespoints linetype 3 title 'tokens', \
  data skip 1 every ::K*B using 2:9 with linespoints linecolor rgb '#000000' linewidth 2 pointtype 7 pointsize 0.4 \
    title 'all MACs (λ)'
unset multiplot
unset output
}
