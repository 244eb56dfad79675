# Draws quality-front-setting-2.svg, quality-front-setting-2.pdf and quality-front-setting-2.png from quality-front-setting-2.csv: gnuplot quality-front-setting-2.gp
set encoding utf8
set datafile separator comma
data = 'quality-front-setting-2.csv'
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
$front << EOD
0.18094976,5.042708
0.20475075,4.9810758
0.30296224,4.8378009
0.30496775,4.8046353
0.32348725,4.5208784
0.36903125,4.4968893
0.38638474,4.2893073
0.46291724,4.1870018
0.49593925,4.0466816
0.50699201,3.8472485
0.594356,3.7807212
0.72478899,3.6257416
0.932329,3.5428441
0.95635524,3.480542
1.2077733,3.4560304
1.2141575,3.3349365
1.3608925,3.3096658
1.5360835,3.1974276
1.8530608,3.1752361
2.3633916,3.1279111
3.0690255,3.0924672
EOD

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,633 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,6.59375 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1266 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'quality-front-setting-2.'.format
set multiplot
set label 'bfloat16, cuda, 14 threads, batch 64, guidance 1.5' at screen 0.5,0.9778830963665087 center
set key at screen 0.013158,0.952607 left top Left reverse vertical maxrows 5 samplen 2.5 spacing 1
set logscale xy
set xrange [0.15262105:3.6634851]
set xtics (0.2, 0.5, 1, 2)
set xlabel 'ms for each image' offset 0,0.3
set yrange [2.7287261:10.593389]
set ytics (3, 4, 5, 7, 10)
set ylabel 'Fréchet distance' offset 0.5
set lmargin at screen 0.1
set rmargin at screen 0.5302631578947369
set tmargin at screen 0.7298578199052133
set bmargin at screen 0.09794628751974721
set title 'ddim' offset 0,-0.6
plot $front using 1:2 with lines linecolor rgb '#d9d9d9' linewidth 9 notitle, \
  data skip 1 every ::0::5 using 1:4 with lines linetype 1 linewidth 1.5 notitle, \
  data skip 1 every ::12::18 using 1:4 with lines linetype 2 linewidth 1.5 notitle, \
  data skip 1 every ::50::54 using 1:4 with lines linetype 3 linewidth 1.5 notitle, \
  data skip 1 every ::78::82 using 1:4 with lines linetype 4 linewidth 1.5 notitle, \
  data skip 1 using (strcol(21) eq 'ddim' ? $1 : NaN):($5 > 2.7287261 ? $5 : 2.7287261):(0):($6-($5 > 2.7287261 ? $5 : 2.7287261)) with vectors nohead linecolor rgb '#b0b0b0' linewidth 0.6 notitle, \
  data skip 1 using (strcol(21) eq 'ddim' ? $1 : NaN):4:8:7 with points pointtype variable pointsize 0.7 linecolor variable linewidth 1.2 notitle, \
  data skip 1 using (strcol(21) eq 'ddim' && $9 == 1 ? $1 : NaN):4:(sprintf('%d', $22)) with labels left offset 0.5,0.6 font ',10' notitle, \
  keyentry with points linetype 1 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S (fused-dense)', \
  keyentry with points linetype 2 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S-on (fused-dense)', \
  keyentry with points linetype 3 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S-0.7 (fused)', \
  keyentry with points linetype 4 pointtype 7 pointsize 0.8 linewidth 1.2 title 'S-0.5 (fused)', \
  keyentry with points linecolor rgb 'black' pointtype 7 pointsize 0.8 linewidth 1.2 title 'no cache', \
  keyentry with points linecolor rgb 'black' pointtype 5 pointsize 0.8 linewidth 1.2 title 'deepcache:2,3..8', \
  keyentry with points linecolor rgb 'black' pointtype 9 pointsize 0.8 linewidth 1.2 title 'fora:2', \
  keyentry with points linecolor rgb 'black' pointtype 13 pointsize 0.8 linewidth 1.2 title 'taylorseer:3,2', \
  keyentry with lines linecolor rgb '#d9d9d9' linewidth 9 title 'no other is faster and closer'
unset key
unset label
set lmargin at screen 0.5486842105263158
set rmargin at screen 0.9789473684210527
set tmargin at screen 0.7298578199052133
set bmargin at screen 0.09794628751974721
set title 'dpmpp' offset 0,-0.6
unset ylabel
set format y ''
plot $front using 1:2 with lines linecolor rgb '#d9d9d9' linewidth 9 notitle, \
  data skip 1 every ::6::11 using 1:4 with lines linetype 1 linewidth 1.5 notitle, \
  data skip 1 every ::31::37 using 1:4 with lines linetype 2 linewidth 1.5 notitle, \
  data skip 1 every ::64::68 using 1:4 with lines linetype 3 linewidth 1.5 notitle, \
  data skip 1 every ::92::96 using 1:4 with lines linetype 4 linewidth 1.5 notitle, \
  data skip 1 using (strcol(21) eq 'dpmpp' ? $1 : NaN):($5 > 2.7287261 ? $5 : 2.7287261):(0):($6-($5 > 2.7287261 ? $5 : 2.7287261)) with vectors nohead linecolor rgb '#b0b0b0' linewidth 0.6 notitle, \
  data skip 1 using (strcol(21) eq 'dpmpp' ? $1 : NaN):4:8:7 with points pointtype variable pointsize 0.7 linecolor variable linewidth 1.2 notitle, \
  data skip 1 using (strcol(21) eq 'dpmpp' && $9 == 1 ? $1 : NaN):4:(sprintf('%d', $22)) with labels left offset 0.5,0.6 font ',10' notitle
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
