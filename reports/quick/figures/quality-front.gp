# Draws quality-front.svg, quality-front.pdf and quality-front.png from quality-front.csv: gnuplot quality-front.gp
set encoding utf8
set datafile separator comma
data = 'quality-front.csv'
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
9.8931806,4.9837111
12.245508,4.012059
16.255095,3.822829
21.294534,3.5197969
24.504766,3.4261627
32.183859,3.3030301
36.093205,3.2818754
47.702614,3.1792247
48.088742,3.1677665
80.999785,3.0748601
EOD

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 760,612 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,6.375 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1224 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'quality-front.'.format
set multiplot
set label 'float32, cpu, 2 threads, batch 8, guidance 1.5' at screen 0.5,0.9771241830065359 center
set key at screen 0.013158,0.950980 left top Left reverse vertical maxrows 4 samplen 2.5 spacing 1
set logscale xy
set xrange [8.6206277:112.655]
set xtics (10, 20, 50, 100)
set xlabel 'ms for each image' offset 0,0.3
set yrange [2.5954701:8.2052043]
set ytics (3, 4, 5, 7)
set ylabel 'Fréchet distance' offset 0.5
set lmargin at screen 0.1
set rmargin at screen 0.9789473684210527
set tmargin at screen 0.7549019607843137
set bmargin at screen 0.10130718954248363
set title 'ddim' offset 0,-0.6
plot $front using 1:2 with lines linecolor rgb '#d9d9d9' linewidth 9 notitle, \
  data skip 1 every ::0::3 using 1:4 with lines linetype 1 linewidth 1.5 notitle, \
  data skip 1 every ::8::11 using 1:4 with lines linetype 2 linewidth 1.5 notitle, \
  data skip 1 every ::16::20 using 1:4 with lines linetype 3 linewidth 1.5 notitle, \
  data skip 1 using (strcol(21) eq 'ddim' ? $1 : NaN):($5 > 2.5954701 ? $5 : 2.5954701):(0):($6-($5 > 2.5954701 ? $5 : 2.5954701)) with vectors nohead linecolor rgb '#b0b0b0' linewidth 0.6 notitle, \
  data skip 1 using (strcol(21) eq 'ddim' ? $1 : NaN):4:8:7 with points pointtype variable pointsize 0.7 linecolor variable linewidth 1.2 notitle, \
  data skip 1 using (strcol(21) eq 'ddim' && $9 == 1 ? $1 : NaN):4:(sprintf('%d', $22)) with labels left offset 0.5,0.6 font ',10' notitle, \
  keyentry with points linetype 1 pointtype 7 pointsize 0.8 linewidth 1.2 title 'dynamic-0.5 (compact)', \
  keyentry with points linetype 2 pointtype 7 pointsize 0.8 linewidth 1.2 title 'dynamic-0.7 (compact)', \
  keyentry with points linetype 3 pointtype 7 pointsize 0.8 linewidth 1.2 title 'large (dense)', \
  keyentry with points linecolor rgb 'black' pointtype 7 pointsize 0.8 linewidth 1.2 title 'no cache', \
  keyentry with points linecolor rgb 'black' pointtype 5 pointsize 0.8 linewidth 1.2 title 'fora:2', \
  keyentry with points linecolor rgb 'black' pointtype 9 pointsize 0.8 linewidth 1.2 title 'taylorseer:3,2', \
  keyentry with lines linecolor rgb '#d9d9d9' linewidth 9 title 'no other is faster and closer'
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
