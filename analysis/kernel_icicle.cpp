// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/figures.h"
#include "kernel_colours.h"
#include "plot_style.h"
#include "text.h"

namespace dydit::analysis {

namespace {

constexpr std::size_t deepest = 7;                                      // parts of a path that are told apart
constexpr int lane_height = 24, icicle_heading = 26, icicle_axis = 62;  // pixels
constexpr double left_edge = 0.02, right_edge = 0.98, narrowest = 5, letter = 6.4;

/// A range, or at its ends a kernel or gap.
struct Node {
  std::string name;
  std::size_t colour = range_colour;
  double time = 0;  // ms, of all below it too
  std::vector<Node> below = {};

  Node& child(const std::string& named, std::size_t coloured) {
    const auto found =
        std::ranges::find_if(below, [&](const Node& one) { return one.name == named && one.colour == coloured; });
    return found == below.end() ? below.emplace_back(Node{named, coloured}) : *found;
  }
};

std::vector<std::string> parts_of(const std::string& range) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < range.size() && parts.size() < deepest;) {
    const std::size_t end = std::min(range.find('/', at), range.size());
    if (end > at) parts.push_back(range.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Node tree_of(const ProfileCell& cell) {
  Node root{cell.name()};
  for (const KernelRow& row : cell.rows) {
    if (!(row.time > 0)) continue;
    Node* node = &root;
    node->time += row.time;
    for (const std::string& part : parts_of(row.range)) {
      node = &node->child(part, range_colour);
      node->time += row.time;
    }
    node->child(short_kernel(row.kernel), colour_of(row.kernel, cell.limit(row))).time += row.time;
  }
  if (cell.remainder > 0) {
    root.time += cell.remainder;
    root.child("(remainder)", merged_colour).time += cell.remainder;
  }
  return root;
}

/// One rectangle, in ms and lanes from above.
struct Piece {
  double left, right;
  int lane;
  std::size_t colour;
  std::string label, path, cell;
};

class Icicle {
 public:
  /// Both cells have their ranges in the order of the longest time in either.
  explicit Icicle(std::vector<const ProfileCell*> cells) {
    std::vector<Node> trees;
    for (const ProfileCell* cell : cells) {
      trees.push_back(tree_of(*cell));
      width_ = std::max(width_, trees.back().time);
      weigh(trees.back(), "");
    }
    for (std::size_t i = 0; i < trees.size(); ++i) {
      cell_ = cells[i]->name();
      headings_.emplace_back(lanes_, fmt::format("{}: {} ms of a pass, {:.0f} % of them gaps", cell_,
                                                 number(trees[i].time), 100 * cells[i]->gap_time() / trees[i].time));
      first_ = lanes_ + 1;
      put(trees[i], 0, first_, "");
      ++lanes_;  // room between the cells
    }
  }

  double width() const { return width_; }
  int lanes() const { return lanes_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const std::vector<std::pair<int, std::string>>& headings() const { return headings_; }

 private:
  void weigh(const Node& node, const std::string& path) {
    double& weight = weights_[path];
    weight = std::max(weight, node.time);
    for (const Node& one : node.below) weigh(one, path + "/" + one.name);
  }

  bool narrow(double time) const {
    return time / width_ * (right_edge - left_edge) * PanelRow::figure_width < narrowest;
  }

  void put(const Node& node, double left, int lane, const std::string& path) {
    std::vector<const Node*> below;
    double merged = 0;
    for (const Node& one : node.below)
      if (narrow(one.time))
        merged += one.time;
      else
        below.push_back(&one);
    std::ranges::stable_sort(below, [&](const Node* a, const Node* b) {  // ranges, kernels, gaps
      const auto rank = [](const Node* one) { return one->colour == range_colour ? 0 : 1 + int(one->colour >= 3); };
      const auto weight = [&](const Node* one) { return weights_.at(path + "/" + one->name); };
      return std::pair(rank(a), -weight(a)) < std::pair(rank(b), -weight(b));
    });
    for (const Node* one : below) {
      add({left, left + one->time, lane, one->colour, one->name, path + "/" + one->name, cell_});
      put(*one, left, lane + 1, path + "/" + one->name);
      left += one->time;
    }
    if (merged > 0) add({left, left + merged, lane, merged_colour, "other", path + "/other", cell_});
  }

  void add(Piece piece) {
    lanes_ = std::max(lanes_, piece.lane + 1);
    pieces_.push_back(std::move(piece));
  }

  double width_ = 0;
  int lanes_ = 0, first_ = 0;
  std::string cell_;
  std::map<std::string, double> weights_;
  std::vector<Piece> pieces_;
  std::vector<std::pair<int, std::string>> headings_;
};

std::string csv_of(const Icicle& icicle) {
  std::string csv = "middle,lane,left,right,top,bottom,colour,ms,kind,name,path,cell\n";
  for (const Piece& piece : icicle.pieces())
    csv += csv_line((piece.left + piece.right) / 2, piece.lane + 0.5, piece.left, piece.right, piece.lane,
                    piece.lane + 1, number_of(kernel_colours[piece.colour]), piece.right - piece.left,
                    kernel_colours[piece.colour].name, piece.label, piece.path.substr(1), piece.cell);
  return csv;
}

std::string labels_of(const Icicle& icicle) {
  constexpr std::size_t fewest = 3;
  std::string labels;
  for (const auto& [lane, heading] : icicle.headings())
    labels += fmt::format("set label {} at 0,{} left font ',12'\n", gnuplot_string(heading), lane + 0.55);
  for (const Piece& piece : icicle.pieces()) {
    const double pixels =
        (piece.right - piece.left) / icicle.width() * (right_edge - left_edge) * PanelRow::figure_width;
    const auto room = static_cast<std::size_t>(std::max(0.0, (pixels - 6) / letter));
    if (room < fewest) continue;
    labels += fmt::format("set label {} at {:.8g},{} center font ',10' front textcolor rgb '{}'\n",
                          gnuplot_string(cut(piece.label, room)), (piece.left + piece.right) / 2, piece.lane + 0.5,
                          kernel_colours[piece.colour].dark ? "#fefefe" : "#1a1a1a");
  }
  return labels;
}

}  // namespace

std::vector<std::string> colour_names(const std::array<bool, kernel_colours.size()>& used) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i]) names.emplace_back(kernel_colours[i].name);
  return names;
}

std::string colour_key(const std::array<bool, kernel_colours.size()>& used) {
  std::string key;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i])
      key += fmt::format(", \\\n  keyentry with boxes fillcolor rgb '#{}' fillstyle solid 1 noborder title '{}'",
                         kernel_colours[i].colour, kernel_colours[i].name);
  return key;
}

std::optional<Figure> icicle_figure(const ProfileStudy& study, const ProfileCell& cell, const std::string& name) {
  std::vector<const ProfileCell*> cells;
  if (const ProfileCell* complete = study.complete(); complete != nullptr && complete != &cell)
    cells.push_back(complete);
  cells.push_back(&cell);
  std::erase_if(cells, [](const ProfileCell* one) { return !(tree_of(*one).time > 0); });
  if (cells.empty()) return std::nullopt;
  const Icicle icicle(cells);
  std::array<bool, kernel_colours.size()> used{};
  for (const Piece& piece : icicle.pieces()) used[piece.colour] = true;
  const KeyStrip key(colour_names(used), PanelRow::figure_width);
  const int top = icicle_heading + key.height() - 8, height = top + lane_height * icicle.lanes() + icicle_axis;
  const std::string plot =
      title_above(study.title(), height) + key.set(height, icicle_heading) +
      panel(1 - 1.0 * top / height, 1.0 * icicle_axis / height, left_edge, right_edge) +
      fmt::format(
          "unset ytics\nunset grid\nset border 1\nset xrange [0:{:.8g}]\nset xtics {:.8g}\nset yrange [{}:0]\n"
          "set xlabel 'ms of a pass with collectors, mean' offset 0,0.3\n",
          icicle.width(), tic_step(icicle.width() / 2), icicle.lanes()) +
      labels_of(icicle) +
      "plot data skip 1 using 1:2:3:4:5:6:7 with boxxyerror fillcolor rgb variable fillstyle solid 1 border linecolor "
      "rgb '#fefefe' linewidth 0.8 notitle" +
      colour_key(used) + "\nunset label";
  return Figure{.name = name,
                .description = "Ranges of a forward pass by their time, with kernels and gaps: " + study.title() + ".",
                .width = PanelRow::figure_width,
                .height = height,
                .csv = csv_of(icicle),
                .settings = plot_style(),
                .plot = plot};
}

}  // namespace dydit::analysis
