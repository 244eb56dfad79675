# Draws kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.svg, kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.pdf and kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.png from kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.csv: gnuplot kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,499 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,5.197916666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,998 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-icicle-DyDiT-XL--2--bfloat16--cuda--8-threads--batch-2-ed40d8fd-compact-both-0.5.'.format
set label 'DyDiT-XL/2, bfloat16, cuda, 8 threads, batch 2' at screen 0.5,0.971944 center
set key at screen 0.013158,0.939880 left top Left reverse vertical maxrows 3 samplen 2.5 spacing 1
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen 0.7975951903807615
set bmargin at screen 0.12424849699398798
unset ytics
unset grid
set border 1
set xrange [0:15.870062]
set xtics 2
set yrange [14:0]
set xlabel 'ms of a pass with collectors, mean' offset 0,0.3
set label 'dense: 6.62 ms of a pass, 62 % of them gaps' at 0,0.55 left font ',12'
set label 'compact (both, 0.5): 15.9 ms of a pass, 82 % of them gaps' at 0,7.55 left font ',12'
set label 'pass' at 3.3111602,1.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 2.858521,2.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 1.4365129,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm' at 0.49255565,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(l…' at 0.29761785,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'sdpa' at 1.3354827,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 2.0211748,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 3.6260319,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 3.3015122,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc2' at 4.0545182,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'residu…' at 4.9712307,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(la…' at 4.9536307,4.5 center font ',10' front textcolor rgb '#fefefe'
set label 'pass' at 7.9325752,8.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 7.2232585,9.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 1.9011374,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm' at 0.67844854,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(l…' at 0.3291429,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'sdpa' at 1.949512,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(h…' at 1.8423924,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 2.8763515,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'pr…' at 3.5064254,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'gather' at 5.4340835,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(launch)' at 4.9385256,11.5 center font ',10' front textcolor rgb '#fefefe'
set label '(hos…' at 6.3667148,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'router' at 7.937608,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(lau…' at 7.6267505,11.5 center font ',10' front textcolor rgb '#fefefe'
set label '(h…' at 8.3627005,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 9.6687452,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 9.3189944,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc2' at 10.178416,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'compaction' at 11.368819,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(laun…' at 11.049728,11.5 center font ',10' front textcolor rgb '#fefefe'
set label 'scatter' at 12.82818,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label '(la…' at 12.709934,11.5 center font ',10' front textcolor rgb '#fefefe'
plot data skip 1 using 1:2:3:4:5:6:7 with boxxyerror fillcolor rgb variable fillstyle solid 1 border linecolor rgb '#fefefe' linewidth 0.8 notitle, \
  keyentry with boxes fillcolor rgb '#0072b2' fillstyle solid 1 noborder title 'bound by products', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'bound by memory', \
  keyentry with boxes fillcolor rgb '#d55e00' fillstyle solid 1 noborder title '(launch)', \
  keyentry with boxes fillcolor rgb '#e69f00' fillstyle solid 1 noborder title '(host)', \
  keyentry with boxes fillcolor rgb '#cc79a7' fillstyle solid 1 noborder title '(synchronisation)', \
  keyentry with boxes fillcolor rgb '#c8c8c8' fillstyle solid 1 noborder title 'other, merged', \
  keyentry with boxes fillcolor rgb '#e4eaf0' fillstyle solid 1 noborder title 'range'
unset label
unset output
}
