# Draws loss-concentration.svg, loss-concentration.pdf and loss-concentration.png from loss-concentration.csv: gnuplot loss-concentration.gp
set encoding utf8
set datafile separator comma
data = 'loss-concentration.csv'
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
M = 2
array model[M] = ['small', 'large']
array first[M] = [0, 7]
array last[M] = [6, 13]

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,583 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,6.072916666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1166 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'loss-concentration.'.format
set multiplot
set key at screen 0.015625,0.993139 left top Left reverse vertical maxrows 3 samplen 2.5 spacing 1
set xrange [0:1000]
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.8576329331046312
set bmargin at screen 0.5060034305317325
set format x ''
unset xlabel
set ylabel 'Gini coefficient' offset 0.5
set yrange [0:*]
value = 3; chance = 9; unit = 1
plot \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value+1)):(unit*column(value+2)) \
    with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value)) with linespoints linetype m \
    title model[m], \
  data skip 1 every ::first[M]::last[M] using 1:(unit*column(chance)) with lines linecolor rgb '#909090' \
    linewidth 1.5 dashtype 2 title 'equally hard tokens, chance alone'
unset key
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.4631217838765008
set bmargin at screen 0.111492281303602
set format x '%g'
set xlabel 'timestep t' offset 0,0.3
set ylabel 'loss in hardest 20 % (%)' offset 0.5
set yrange [20:*]
value = 6; chance = 10; unit = 100
plot \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value+1)):(unit*column(value+2)) \
    with filledcurves linetype m notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using 1:(unit*column(value)) with linespoints linetype m \
    title model[m], \
  data skip 1 every ::first[M]::last[M] using 1:(unit*column(chance)) with lines linecolor rgb '#909090' \
    linewidth 1.5 dashtype 2 title 'equally hard tokens, chance alone'
unset key
unset multiplot
unset output
}
