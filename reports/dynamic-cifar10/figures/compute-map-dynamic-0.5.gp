# Draws compute-map-dynamic-0.5.svg, compute-map-dynamic-0.5.pdf and compute-map-dynamic-0.5.png from compute-map-dynamic-0.5.csv: gnuplot compute-map-dynamic-0.5.gp
set encoding utf8
set datafile separator comma
data = 'compute-map-dynamic-0.5.csv'
R = 6; K = 7; W = 32; H = 32; G = 2; P = 4
array low[R*K] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
array high[R*K] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
relative(value, cell) = (value - low[cell]) / (high[cell] - low[cell])
left(column) = column*(W+G) + (column > 0 ? G : 0)
top(row) = row*(H+G)
set palette defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')

do for [format in 'svg pdf png'] {
if (format eq 'svg') { set terminal svg size 640,589 dynamic noenhanced font 'Helvetica,14' }
if (format eq 'pdf') { set terminal pdfcairo size 6.666666666666667,6.135416666666667 noenhanced font 'Helvetica,14' fontscale 0.5625 }
if (format eq 'png') { set terminal pngcairo size 1280,1178 noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }
set output 'compute-map-dynamic-0.5.'.format
set lmargin at screen 0.0125
set rmargin at screen 0.9875
set bmargin at screen 0.1664
set tmargin at screen 0.9525
set xrange [0:272]
set yrange [202:0]
set colorbox horizontal user origin 0.3, 0.0781 size 0.4, 0.0170
unset label
set label "image" at 16,screen 0.9728 center
set label "t = 20" at 52,screen 0.9728 center
set label "t = 100" at 86,screen 0.9728 center
set label "t = 200" at 120,screen 0.9728 center
set label "t = 300" at 154,screen 0.9728 center
set label "t = 400" at 188,screen 0.9728 center
set label "t = 600" at 222,screen 0.9728 center
set label "t = 800" at 256,screen 0.9728 center
do for [r=0:R-1] {
do for [k=1:K] {
set object rectangle from left(k),top(r) to left(k)+W,top(r)+H front fillstyle empty border linecolor rgb '#c0c0c0' \
  linewidth 0.5
}
}
unset border
unset tics
unset key
set cbrange [0:1]
set cbtics ('no block' 0, 'all blocks' 1) scale 0
plot for [r=0:R-1] data skip 1 every :::r*H::(r+1)*H-1 \
    using (left(0)+$3+0.5):(top(r)+$2+0.5):4:5:6 with rgbimage, \
  for [r=0:R-1] for [k=1:K] data skip 1 every P:P::r*H::(r+1)*H-1 \
    using (left(k)+$3+P/2.0):(top(r)+$2+P/2.0):(relative(column(6+k), r*K+k)) with image
unset output
}
