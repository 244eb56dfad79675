# Draws learning-curves.svg, learning-curves.pdf and learning-curves.png from learning-curves.csv: gnuplot learning-curves.gp
set encoding utf8
set datafile separator comma
data = 'learning-curves.csv'
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
M = 1
array model[M] = ['S-on']
array first[M] = [0]
array last[M] = [2]
after_start(step) = step > 0 ? step : NaN

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,431 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,4.489583333333333 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,862 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'learning-curves.'.format
set multiplot
set key at screen 0.015625,0.990719 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set xrange [*:*] noextend
set lmargin at screen 0.16
set rmargin at screen 0.965
set tmargin at screen 0.9048723897911833
set bmargin at screen 0.15081206496519717
set format x '%g'
set xlabel 'training step' offset 0,0.3
set ylabel 'loss (ε MSE)' offset 0.5
set logscale x
set yrange [*:*] noextend
set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000)
plot for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):2 with lines \
    linecolor rgb faint[(m-1)%6+1] linewidth 1.2 notitle, \
  for [m=1:M] data skip 1 every ::first[m]::last[m] using (after_start($1)):3 with linespoints linetype m \
    title model[m]
unset key
unset multiplot
unset output
}
