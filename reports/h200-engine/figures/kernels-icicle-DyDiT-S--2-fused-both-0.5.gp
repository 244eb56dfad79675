# Draws kernels-icicle-DyDiT-S--2-fused-both-0.5.svg, kernels-icicle-DyDiT-S--2-fused-both-0.5.pdf and kernels-icicle-DyDiT-S--2-fused-both-0.5.png from kernels-icicle-DyDiT-S--2-fused-both-0.5.csv: gnuplot kernels-icicle-DyDiT-S--2-fused-both-0.5.gp
set encoding utf8
set datafile separator comma
data = 'kernels-icicle-DyDiT-S--2-fused-both-0.5.csv'
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
if (format eq 'svg') { set terminal svg size 760,478 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 7.916666666666667,4.979166666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1520,956 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'kernels-icicle-DyDiT-S--2-fused-both-0.5.'.format
set label 'DyDiT-S/2, bfloat16, cuda, 8 threads, batch 64' at screen 0.5,0.970711 center
set key at screen 0.013158,0.937238 left top Left reverse vertical maxrows 2 samplen 2.5 spacing 1
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen 0.8326359832635983
set bmargin at screen 0.1297071129707113
unset ytics
unset grid
set border 1
set xrange [0:1.9407861]
set xtics 0.2
set yrange [14:0]
set xlabel 'ms of a pass with collectors, mean' offset 0,0.3
set label 'fused-dense: 1.94 ms of a pass, 1 % of them gaps' at 0,0.55 left font ',12'
set label 'fused (both, 0.5): 1.16 ms of a pass, 2 % of them gaps' at 0,7.55 left font ',12'
set label 'pass' at 0.97008098,1.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 0.92941401,2.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.45634175,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 0.16187185,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.16187185,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'sdpa' at 0.45048975,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.45048975,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'proj' at 0.6808367,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.6808367,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm' at 0.84856055,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm_…' at 0.84856055,5.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 1.3388861,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 1.1502003,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 1.1502003,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'fc2' at 1.576403,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 1.576403,5.5 center font ',10' front textcolor rgb '#fefefe'
set label 'norm' at 1.8119584,3.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nor…' at 1.8119584,4.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'pass' at 0.5786954,8.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'block' at 0.53255579,9.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attention' at 0.2857878,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'qkv' at 0.0919807,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.0919807,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'sdpa' at 0.25587275,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'attent…' at 0.25587275,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'proj' at 0.40140025,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.40140025,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'norm' at 0.523296,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'nor…' at 0.523296,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'mlp' at 0.7301798,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'fc1' at 0.65186565,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.65186565,12.5 center font ',10' front textcolor rgb '#fefefe'
set label 'fc2' at 0.81046985,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'product' at 0.81046985,12.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'rou…' at 0.93907555,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'pro…' at 0.93907555,11.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'ro…' at 1.0272393,10.5 center font ',10' front textcolor rgb '#1a1a1a'
set label 'ro…' at 1.0272393,11.5 center font ',10' front textcolor rgb '#1a1a1a'
plot data skip 1 using 1:2:3:4:5:6:7 with boxxyerror fillcolor rgb variable fillstyle solid 1 border linecolor rgb '#fefefe' linewidth 0.8 notitle, \
  keyentry with boxes fillcolor rgb '#0072b2' fillstyle solid 1 noborder title 'bound by products', \
  keyentry with boxes fillcolor rgb '#56b4e9' fillstyle solid 1 noborder title 'bound by memory', \
  keyentry with boxes fillcolor rgb '#c8c8c8' fillstyle solid 1 noborder title 'other, merged', \
  keyentry with boxes fillcolor rgb '#e4eaf0' fillstyle solid 1 noborder title 'range'
unset label
unset output
}
