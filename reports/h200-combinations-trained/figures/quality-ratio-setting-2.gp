# Draws quality-ratio-setting-2.svg, quality-ratio-setting-2.pdf and quality-ratio-setting-2.png from quality-ratio-setting-2.csv: gnuplot quality-ratio-setting-2.gp
set encoding utf8
set datafile separator comma
data = 'quality-ratio-setting-2.csv'
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

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,451 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.697916666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,902 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'quality-ratio-setting-2.'.format
set multiplot
set label 'bfloat16, cuda, 14 threads, batch 64, guidance 1.5' at screen 0.5,0.9689578713968958 center
set key at screen 0.013158,0.933481 left top Left reverse vertical maxrows 3 samplen 2.5 spacing 1
set logscale xy
set xrange [0.16789645:2.8203547]
set xtics (0.2, 0.5, 1, 2)
set xlabel 'ms for each image' offset 0,0.3
set yrange [0.57198869:2.0945624]
set ytics (0.7, 1, 1.5, 2)
set ylabel 'ratio of distances' offset 0.5
set samples 2
set lmargin at screen 0.1
set rmargin at screen 0.380701754385965
set tmargin at screen 0.7139689578713969
set bmargin at screen 0.1374722838137472
set title 'a cache over fewer steps' offset 0,-0.6
set label 8 'closer' at graph 0.02,first 1 left offset 0,-0.6 font ',10' textcolor rgb '#606060'
set label 9 'farther' at graph 0.02,first 1 left offset 0,0.6 font ',10' textcolor rgb '#606060'
plot 1 with lines linecolor rgb '#606060' linewidth 1.2 dashtype 2 notitle, \
  data skip 1 using ($7 == 0 ? $1 : NaN):($3 > 0.57198869 ? $3 : 0.57198869):(0):($4-($3 > 0.57198869 ? $3 : 0.57198869)):5 with vectors nohead linecolor variable linewidth 1.2 notitle, \
  data skip 1 using ($7 == 0 ? $1 : NaN):2:6:5 with points pointtype variable pointsize 0.8 linecolor variable linewidth 1.2 notitle, \
  keyentry with points linetype 1 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S (fused-dense)', \
  keyentry with points linetype 2 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S-on (fused-dense)', \
  keyentry with points linetype 3 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S-0.7 (fused)', \
  keyentry with points linetype 4 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S-0.5 (fused)', \
  keyentry with points linecolor rgb 'black' pointtype 7 pointsize 0.8 linewidth 1.2 title 'no cache', \
  keyentry with points linecolor rgb 'black' pointtype 5 pointsize 0.8 linewidth 1.2 title 'deepcache:2,3..8', \
  keyentry with points linecolor rgb 'black' pointtype 9 pointsize 0.8 linewidth 1.2 title 'fora:2', \
  keyentry with points linecolor rgb 'black' pointtype 13 pointsize 0.8 linewidth 1.2 title 'taylorseer:3,2'
unset key
unset label
set lmargin at screen 0.39912280701754393
set rmargin at screen 0.6798245614035089
set tmargin at screen 0.7139689578713969
set bmargin at screen 0.1374722838137472
set title 'skipping over complete' offset 0,-0.6
unset ylabel
set format y ''
set label 8 'closer' at graph 0.02,first 1 left offset 0,-0.6 font ',10' textcolor rgb '#606060'
set label 9 'farther' at graph 0.02,first 1 left offset 0,0.6 font ',10' textcolor rgb '#606060'
plot 1 with lines linecolor rgb '#606060' linewidth 1.2 dashtype 2 notitle, \
  data skip 1 using ($7 == 1 ? $1 : NaN):($3 > 0.57198869 ? $3 : 0.57198869):(0):($4-($3 > 0.57198869 ? $3 : 0.57198869)):5 with vectors nohead linecolor variable linewidth 1.2 notitle, \
  data skip 1 using ($7 == 1 ? $1 : NaN):2:6:5 with points pointtype variable pointsize 0.8 linecolor variable linewidth 1.2 notitle
unset key
unset label
set lmargin at screen 0.6982456140350878
set rmargin at screen 0.9789473684210528
set tmargin at screen 0.7139689578713969
set bmargin at screen 0.1374722838137472
set title 'both over that cache' offset 0,-0.6
unset ylabel
set format y ''
set label 8 'closer' at graph 0.02,first 1 left offset 0,-0.6 font ',10' textcolor rgb '#606060'
set label 9 'farther' at graph 0.02,first 1 left offset 0,0.6 font ',10' textcolor rgb '#606060'
plot 1 with lines linecolor rgb '#606060' linewidth 1.2 dashtype 2 notitle, \
  data skip 1 using ($7 == 2 ? $1 : NaN):($3 > 0.57198869 ? $3 : 0.57198869):(0):($4-($3 > 0.57198869 ? $3 : 0.57198869)):5 with vectors nohead linecolor variable linewidth 1.2 notitle, \
  data skip 1 using ($7 == 2 ? $1 : NaN):2:6:5 with points pointtype variable pointsize 0.8 linecolor variable linewidth 1.2 notitle
unset key
unset label
unset title
set format y

unset multiplot
unset label
unset logscale
set xtics autofreq
set ytics autofreq
unset output
}
