# Draws loss-gap-diffusion.svg, loss-gap-diffusion.pdf and loss-gap-diffusion.png from loss-gap-diffusion.csv: gnuplot loss-gap-diffusion.gp
set encoding utf8
set datafile separator comma
data = 'loss-gap-diffusion.csv'
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
M = 4
array model[M] = ['dynamic-0.7', 'dynamic-0.5', 'static-taylor-0.5', 'large']
array first[M] = [0, 22, 44, 66]
array last[M] = [21, 43, 65, 87]

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,682 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,7.104166666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1364 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'loss-gap-diffusion.'.format
set multiplot
set key at screen 0.015625,0.994135 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set xrange [0:1000]
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.9090909090909091
set bmargin at screen 0.4912023460410557
set format x ''
unset xlabel
set ylabel 'loss minus that of dense' offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:6:7 with filledcurves linetype m notitle, \
  for [m=1:M-1] data skip 1 every ::first[m]::last[m] using 1:5 with linespoints linetype m title model[m], \
  NaN with linespoints linetype M title model[M]
unset key
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.4545454545454546
set bmargin at screen 0.09530791788856308
set format x '%g'
set xlabel 'timestep t' offset 0,0.3
set ylabel 'loss (ε MSE)' offset 0.5
set logscale y
set format y '%.0e'
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:3 with linespoints linetype m title model[m]
unset logscale y
set format y '%g'
unset key
unset multiplot
unset output
}
