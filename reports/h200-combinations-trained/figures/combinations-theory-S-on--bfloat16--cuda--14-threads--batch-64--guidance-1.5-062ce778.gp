# Draws combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.svg, combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.pdf and combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.png from combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.csv: gnuplot combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.gp
set encoding utf8
set datafile separator comma
data = 'combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.csv'
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
if (format eq 'svg') { set terminal svg size 760,542 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,5.645833333333333 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,1084 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'combinations-theory-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.'.format
set label 'S-on, bfloat16, cuda, 14 threads, batch 64, guidance 1.5' at screen 0.5,0.974170 center
set key at screen 0.013158,0.944649 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set lmargin at screen 0.1
set rmargin at screen 0.975
set tmargin at screen 0.8523985239852399
set bmargin at screen 0.11439114391143912
set samples 2
set logscale xy
set xrange [0.88498882:20.163974]
set yrange [0.88498882:20.163974]
set xtics (1, 2, 5, 10, 20)
set ytics (1, 2, 5, 10, 20)
set xlabel 'theoretical speedup' offset 0,0.3
set ylabel 'speedup' offset 0.5
plot x with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 notitle, \
  data skip 1 using 1:($4 > 1.05623 * $3 ? $3 : NaN):(0):($4-$3):5 with vectors nohead linecolor variable linewidth 1.2 notitle, \
  data skip 1 using 1:2:6:5 with points pointtype variable pointsize 0.8 linecolor variable linewidth 1.2 notitle, \
  keyentry with points linetype 1 pointtype 7 pointsize 0.8 linewidth 1.2 title 'fused-dense', \
  keyentry with points linecolor rgb 'black' pointtype 7 pointsize 0.8 linewidth 1.2 title 'no cache', \
  keyentry with points linecolor rgb 'black' pointtype 5 pointsize 0.8 linewidth 1.2 title 'deepcache:2,3..8', \
  keyentry with points linecolor rgb 'black' pointtype 9 pointsize 0.8 linewidth 1.2 title 'fora:2', \
  keyentry with points linecolor rgb 'black' pointtype 13 pointsize 0.8 linewidth 1.2 title 'taylorseer:3,2', \
  keyentry with lines linecolor rgb '#808080' linewidth 1.5 dashtype 2 title 'work becomes time'
unset label
unset logscale
set xtics autofreq
set ytics autofreq
unset output
}
