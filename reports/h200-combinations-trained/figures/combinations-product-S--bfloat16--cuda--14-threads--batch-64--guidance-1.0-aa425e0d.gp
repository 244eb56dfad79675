# Draws combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.svg, combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.pdf and combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.png from combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.csv: gnuplot combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.gp
set encoding utf8
set datafile separator comma
data = 'combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.csv'
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
if (format eq 'svg') { set terminal svg size 760,521 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,5.427083333333333 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1042 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'combinations-product-S--bfloat16--cuda--14-threads--batch-64--guidance-1.0-aa425e0d.'.format
set label 'S, bfloat16, cuda, 14 threads, batch 64, guidance 1.0' at screen 0.5,0.973129 center
set key at screen 0.013158,0.942418 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set lmargin at screen 0.1
set rmargin at screen 0.975
set tmargin at screen 0.8867562380038387
set bmargin at screen 0.11900191938579655
set samples 2
set logscale xy
set xrange [0.8879816:18.861911]
set yrange [0.8879816:18.861911]
set xtics (1, 2, 5, 10)
set ytics (1, 2, 5, 10)
set xlabel 'product of the separate speedups' offset 0,0.3
set ylabel 'speedup' offset 0.5
plot x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 using 1:($4 > 1.05493 * $3 ? $3 : NaN):(0):($4-$3):5 with vectors nohead linecolor variable linewidth 1.2 notitle, \
  data skip 1 using 1:2:6:5 with points pointtype variable pointsize 0.8 linecolor variable linewidth 1.2 notitle, \
  keyentry with points linetype 1 pointtype 7 pointsize 0.8 linewidth 1.2 title 'fused-dense', \
  keyentry with points linecolor rgb 'black' pointtype 7 pointsize 0.8 linewidth 1.2 title 'no cache', \
  keyentry with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 title 'speedups multiply'
unset label
unset logscale
set xtics autofreq
set ytics autofreq
unset output
}
