# Draws common-axis.svg, common-axis.pdf and common-axis.png from common-axis.csv: gnuplot common-axis.gp
set encoding utf8
set datafile separator comma
data = 'common-axis.csv'
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
M = 10
array model[M] = ['Diffusion: small', 'Diffusion: dense', 'Diffusion: dynamic-0.7', 'Diffusion: dynamic-0.5', 'Diffusion: static-taylor-0.5', 'Flow matching: small', 'Flow matching: dense', 'Flow matching: dynamic-0.7', 'Flow matching: dynamic-0.5', 'Flow matching: static-taylor-0.5']
array first[M] = [0, 22, 44, 66, 88, 110, 132, 154, 176, 198]
array last[M] = [21, 43, 65, 87, 109, 131, 153, 175, 197, 219]

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,878 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,9.145833333333334 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1756 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'common-axis.'.format
set multiplot
set key at screen 0.015625,0.995444 left top Left reverse vertical maxrows 10 samplen 2.5 spacing 1
set xrange [-9.943956:9.4105424]
set title 'smaller models against the largest' offset 0,-0.6
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.7107061503416856
set bmargin at screen 0.42027334851936216
set format x ''
unset xlabel
set nonlinear y via asinh(y) inverse sinh(y)
set ytics (-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100, 300, 1000)
set ylabel 'loss above it (%)' offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  data skip 1 every ::first[1]::last[1] using 1:4:5 with filledcurves linetype 1 notitle, \
  data skip 1 every ::first[2]::last[2] using 1:4:5 with filledcurves linetype 2 notitle, \
  data skip 1 every ::first[6]::last[6] using 1:4:5 with filledcurves linetype 1 notitle, \
  data skip 1 every ::first[7]::last[7] using 1:4:5 with filledcurves linetype 2 notitle, \
  data skip 1 every ::first[1]::last[1] using 1:3 with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.6 notitle, \
  data skip 1 every ::first[2]::last[2] using 1:3 with linespoints linetype 2 dashtype 1 pointtype 7 pointsize 0.6 notitle, \
  data skip 1 every ::first[6]::last[6] using 1:3 with linespoints linetype 1 dashtype (6,3) pointtype 6 pointsize 0.6 notitle, \
  data skip 1 every ::first[7]::last[7] using 1:3 with linespoints linetype 2 dashtype (6,3) pointtype 6 pointsize 0.6 notitle, \
  keyentry with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.6 title model[1], \
  keyentry with linespoints linetype 2 dashtype 1 pointtype 7 pointsize 0.6 title model[2], \
  keyentry with linespoints linetype 3 dashtype 1 pointtype 7 pointsize 0.6 title model[3], \
  keyentry with linespoints linetype 4 dashtype 1 pointtype 7 pointsize 0.6 title model[4], \
  keyentry with linespoints linetype 5 dashtype 1 pointtype 7 pointsize 0.6 title model[5], \
  keyentry with linespoints linetype 1 dashtype (6,3) pointtype 6 pointsize 0.6 title model[6], \
  keyentry with linespoints linetype 2 dashtype (6,3) pointtype 6 pointsize 0.6 title model[7], \
  keyentry with linespoints linetype 3 dashtype (6,3) pointtype 6 pointsize 0.6 title model[8], \
  keyentry with linespoints linetype 4 dashtype (6,3) pointtype 6 pointsize 0.6 title model[9], \
  keyentry with linespoints linetype 5 dashtype (6,3) pointtype 6 pointsize 0.6 title model[10]
unset key
set title 'models that skip work against the dense model of their size' offset 0,-0.6
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.3644646924829157
set bmargin at screen 0.07403189066059224
set format x '%g'
set xlabel 'log of signal-to-noise (left: noise, right: data)' offset 0,0.3
set nonlinear y via asinh(y) inverse sinh(y)
set ytics (-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100, 300, 1000)
set ylabel 'loss above it (%)' offset 0.5
plot 0 with lines linecolor rgb '#808080' linewidth 1 notitle, \
  data skip 1 every ::first[3]::last[3] using 1:4:5 with filledcurves linetype 3 notitle, \
  data skip 1 every ::first[4]::last[4] using 1:4:5 with filledcurves linetype 4 notitle, \
  data skip 1 every ::first[5]::last[5] using 1:4:5 with filledcurves linetype 5 notitle, \
  data skip 1 every ::first[8]::last[8] using 1:4:5 with filledcurves linetype 3 notitle, \
  data skip 1 every ::first[9]::last[9] using 1:4:5 with filledcurves linetype 4 notitle, \
  data skip 1 every ::first[10]::last[10] using 1:4:5 with filledcurves linetype 5 notitle, \
  data skip 1 every ::first[3]::last[3] using 1:3 with linespoints linetype 3 dashtype 1 pointtype 7 pointsize 0.6 notitle, \
  data skip 1 every ::first[4]::last[4] using 1:3 with linespoints linetype 4 dashtype 1 pointtype 7 pointsize 0.6 notitle, \
  data skip 1 every ::first[5]::last[5] using 1:3 with linespoints linetype 5 dashtype 1 pointtype 7 pointsize 0.6 notitle, \
  data skip 1 every ::first[8]::last[8] using 1:3 with linespoints linetype 3 dashtype (6,3) pointtype 6 pointsize 0.6 notitle, \
  data skip 1 every ::first[9]::last[9] using 1:3 with linespoints linetype 4 dashtype (6,3) pointtype 6 pointsize 0.6 notitle, \
  data skip 1 every ::first[10]::last[10] using 1:3 with linespoints linetype 5 dashtype (6,3) pointtype 6 pointsize 0.6 notitle, \
  keyentry with linespoints linetype 1 dashtype 1 pointtype 7 pointsize 0.6 title model[1], \
  keyentry with linespoints linetype 2 dashtype 1 pointtype 7 pointsize 0.6 title model[2], \
  keyentry with linespoints linetype 3 dashtype 1 pointtype 7 pointsize 0.6 title model[3], \
  keyentry with linespoints linetype 4 dashtype 1 pointtype 7 pointsize 0.6 title model[4], \
  keyentry with linespoints linetype 5 dashtype 1 pointtype 7 pointsize 0.6 title model[5], \
  keyentry with linespoints linetype 1 dashtype (6,3) pointtype 6 pointsize 0.6 title model[6], \
  keyentry with linespoints linetype 2 dashtype (6,3) pointtype 6 pointsize 0.6 title model[7], \
  keyentry with linespoints linetype 3 dashtype (6,3) pointtype 6 pointsize 0.6 title model[8], \
  keyentry with linespoints linetype 4 dashtype (6,3) pointtype 6 pointsize 0.6 title model[9], \
  keyentry with linespoints linetype 5 dashtype (6,3) pointtype 6 pointsize 0.6 title model[10]
unset key
unset multiplot
unset output
}
