# Draws samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.svg, samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.pdf and samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.png from samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.csv: gnuplot samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.gp
set encoding utf8
set datafile separator comma
data = 'samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.csv'
R = 2; K = 3; W = 32; H = 32; G = 2

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,277 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,2.8854166666666665 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,554 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'samples-S--bfloat16--cuda--14-threads--batch-64--guidance-1.5-88c1e5d0.'.format
set lmargin at screen 0.36875
set rmargin at screen 0.98750
set bmargin at screen 0.02888
set tmargin at screen 0.97112
set xrange [0:100]
set yrange [66:0]
unset border
unset tics
unset key
unset label
set label 'fused-dense + ddim 50' at screen 0.01250,first 13.977 left font ',11'
set label '3.07 ms, 1 times as fast' at screen 0.01250,first 18.023 left font ',11' textcolor rgb '#606060'
set label 'fused-dense + dpmpp 3' at screen 0.01250,first 47.977 left font ',11'
set label '0.186 ms, 16.6 times as fast' at screen 0.01250,first 52.023 left font ',11' textcolor rgb '#606060'
plot for [r=0:R-1] for [k=0:K-1] data skip 1 every :::r*H::(r+1)*H-1 \
    using (k*(W+G)+$3+0.5):(r*(H+G)+$2+0.5):(int(column(4+k))>>16):(int(column(4+k))>>8&255):(int(column(4+k))&255) with rgbimage
unset output
}
