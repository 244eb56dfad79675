# Draws combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.svg, combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.pdf and combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.png from combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.csv: gnuplot combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.gp
set encoding utf8
set datafile separator comma
data = 'combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.csv'
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
if (format eq 'svg') { set terminal svg size 760,181 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,1.8854166666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,362 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'combinations-waterfall-S-on--bfloat16--cuda--14-threads--batch-64--guidance-1.5-062ce778.'.format
set label 'S-on, bfloat16, cuda, 14 threads, batch 64, guidance 1.5' at screen 0.5,0.922652 center
set key at screen 0.013158,0.834254 left top Left reverse vertical maxrows 1 samplen 2.5 spacing 1
set lmargin at screen 0.025
set rmargin at screen 0.975
set tmargin at screen 0.6740331491712708
set bmargin at screen 0.3425414364640884
unset ytics
set border 1
set xrange [0:0.2933826]
set xtics 0.05
set yrange [-0.4:0.6]
set xlabel 'ms for each image' offset 0,0.3
set label 'fused-dense + taylorseer:3,2 + ddim 6' at graph 0.005,first 0.42 left font ',12'
set label '0.240 ms' at first 0.2444855,first 0 left offset 0.8,0 font ',12'
plot data skip 1 every ::0::0 using ($3 >= $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#b0b0b0' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::1::1 using ($3 >= $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#56b4e9' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::2::2 using ($3 >= $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#e69f00' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::3::3 using ($3 >= $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#d55e00' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::0::0 using ($3 < $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#b0b0b0' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::1::1 using ($3 < $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#56b4e9' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::2::2 using ($3 < $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#e69f00' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::3::3 using ($3 < $2 ? $2 : NaN):1:2:3:($1-$4):($1+$4) with boxxyerror fillcolor rgb '#d55e00' fillstyle solid 1 noborder notitle, \
  data skip 1 every ::4::4 using 6:1:($7-$6):(0) with vectors nohead linecolor rgb 'black' linewidth 1.2 notitle, \
  data skip 1 every ::4::4 using 5:1 with points pointtype 13 pointsize 1 linecolor rgb 'black' notitle, \
  keyentry with boxes fillcolor rgb '#b0b0b0' fillstyle solid 1 noborder title 'ideal', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'sampler', \
  keyentry with boxes fillcolor rgb '#e69f00' fillstyle solid 1 noborder title 'cache', \
  keyentry with boxes fillcolor rgb '#d55e00' fillstyle solid 1 noborder title 'routers', \
  keyentry with points pointtype 13 pointsize 1 linecolor rgb 'black' title 'measured'
unset label
unset output
}
