# Draws compute-map-B-0.5.svg, compute-map-B-0.5.pdf and compute-map-B-0.5.png from compute-map-B-0.5.csv: gnuplot compute-map-B-0.5.gp
set encoding utf8
set datafile separator comma
data = 'compute-map-B-0.5.csv'
R = 6; K = 7; W = 32; H = 32; G = 2; N = W*H
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
set output 'compute-map-B-0.5.'.format
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
set object rectangle from 36,0 to 68,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 70,0 to 102,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 104,0 to 136,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 138,0 to 170,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 172,0 to 204,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 206,0 to 238,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 240,0 to 272,32 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 36,34 to 68,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 70,34 to 102,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 104,34 to 136,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 138,34 to 170,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 172,34 to 204,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 206,34 to 238,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 240,34 to 272,66 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 36,68 to 68,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 70,68 to 102,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 104,68 to 136,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 138,68 to 170,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 172,68 to 204,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 206,68 to 238,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 240,68 to 272,100 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 36,102 to 68,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 70,102 to 102,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 104,102 to 136,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 138,102 to 170,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 172,102 to 204,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 206,102 to 238,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 240,102 to 272,134 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 36,136 to 68,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 70,136 to 102,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 104,136 to 136,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 138,136 to 170,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 172,136 to 204,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 206,136 to 238,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 240,136 to 272,168 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 36,170 to 68,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 70,170 to 102,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 104,170 to 136,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 138,170 to 170,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 172,170 to 204,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 206,170 to 238,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
set object rectangle from 240,170 to 272,202 front fillstyle empty border linecolor rgb '#c0c0c0' linewidth 0.5
unset border
unset tics
unset key
set cbrange [0:1]
set cbtics ('no block' 0, 'all blocks' 1) scale 0
plot for [r=0:R-1] data skip 1 every ::r*N::(r+1)*N-1 \
    using (left(0)+$3+0.5):(top(r)+$2+0.5):4:5:6 with rgbimage, \
  for [r=0:R-1] for [k=1:K] data skip 1 every ::r*N::(r+1)*N-1 \
    using (left(k)+$3+0.5):(top(r)+$2+0.5):(relative(column(6+k), r*K+k)) with image
unset output
}
