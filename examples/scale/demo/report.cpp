// SPDX-License-Identifier: Apache-2.0
#include "scale/demo/report.hpp"

#include <scale/io/atomic_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

namespace scale::program {

namespace {

std::string base64(std::span<std::uint8_t const> bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t const left = std::min<std::size_t>(3, bytes.size() - i);
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < left ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= left ? letters[bits >> (18 - 6 * k) & 63u] : '=';
  }
  return text;
}

/// A 24-bit BMP of an RGB picture, as a data URI.
std::string picture_uri(std::vector<std::uint8_t> const& rgb, int side) {
  std::size_t const n = static_cast<std::size_t>(side), stride = (3 * n + 3) / 4 * 4;
  std::vector<std::uint8_t> file(54 + stride * n);
  auto const put = [&](std::size_t at, std::size_t value) {
    for (std::size_t k = 0; k < 4; ++k) file[at + k] = static_cast<std::uint8_t>(value >> (8 * k));
  };
  file[0] = 'B';
  file[1] = 'M';
  put(2, file.size());
  put(10, 54);
  put(14, 40);
  put(18, n);
  put(22, n);
  file[26] = 1;
  file[28] = 24;
  for (std::size_t y = 0; y < n; ++y)
    for (std::size_t x = 0; x < n; ++x)
      for (std::size_t c = 0; c < 3; ++c) file[54 + (n - 1 - y) * stride + 3 * x + c] = rgb[(y * n + x) * 3 + 2 - c];
  return "data:image/bmp;base64," + base64(file);
}

std::string escaped(std::string const& text) {
  std::string out;
  for (char const c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

constexpr char const* curve_colours[] = {"#2a7ae2", "#d9601a", "#2aa05a", "#a04ac0"};

/// One line per curve over the same axes, thinned to at most 300 points.
std::string chart(std::vector<report_curve> const& curves) {
  double top = 1e-9;
  std::size_t length = 2;
  for (report_curve const& c : curves) {
    for (double const v : c.values) top = std::max(top, v);
    length = std::max(length, c.values.size());
  }
  std::string svg =
      "<svg viewBox='0 0 360 200' role='img' aria-label='loss over the steps of pre-training'>"
      "<path d='M30 8V176H352' fill='none' stroke='currentColor' stroke-opacity='.4'/>";
  svg += fmt::format(
      "<text x='26' y='16' text-anchor='end'>{:.1f}</text><text x='26' y='178' text-anchor='end'>0</text>"
      "<text x='352' y='192' text-anchor='end'>step {}</text>",
      top, length);
  for (std::size_t k = 0; k < curves.size(); ++k) {
    std::vector<double> const& v = curves[k].values;
    char const* const colour = curve_colours[k % std::size(curve_colours)];
    std::string points;
    std::size_t const skip = std::max<std::size_t>(1, v.size() / 300);
    for (std::size_t i = 0; i < v.size(); i += skip)
      points += fmt::format("{:.1f},{:.1f} ", 30 + 322.0 * static_cast<double>(i) / static_cast<double>(length - 1),
                            176 - 168 * v[i] / top);
    svg += fmt::format(
        "<polyline points='{}' fill='none' stroke='{}' stroke-width='1.5'/>"
        "<text x='350' y='{}' text-anchor='end' style='fill:{}'>{}</text>",
        points, colour, 18 + 16 * k, colour, escaped(curves[k].name));
  }
  return svg + "</svg>";
}

/// A figure as a bar with its interval, over the line of chance.
std::string bar(report_figure const& f, double chance) {
  return fmt::format(
      "<td><b>{:.1f}</b> <small>{:.0f} to {:.0f}</small><div class='bar'><i style='width:{:.1f}%'></i>"
      "<u style='left:{:.1f}%'></u></div></td>",
      f.top1, f.low, f.high, f.top1, chance);
}

constexpr char const* page_head = R"(<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>scale demo</title><style>
:root{color-scheme:light dark;--line:#8884;--bar:#2a7ae2}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.lead{font-size:1.1rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .5rem .35rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
small{opacity:.75}
.bar{position:relative;height:.4rem;background:var(--line);border-radius:.2rem;min-width:4rem}
.bar i{position:absolute;inset:0 auto 0 0;background:var(--bar);border-radius:.2rem}
.bar u{position:absolute;top:-.2rem;bottom:-.2rem;width:2px;background:currentColor}
.strip{display:flex;gap:3px;overflow-x:auto}.strip img{width:72px;height:72px;flex:none}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:currentColor}
.flow{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center}.flow span{border:1px solid var(--line);
border-radius:.4rem;padding:.2rem .6rem}ul{padding-left:1.2rem}.wide{overflow-x:auto}
</style></head><body>
<h1>What pre-training on sets of clips adds</h1>
)";

constexpr char const* page_flow = R"(<div class="flow"><span>videos</span>&rarr;<span>clips</span>&rarr;
<span>frozen backbone</span>&rarr;<span>features, stored once</span>&rarr;
<span>set transformer, pre-trained without labels</span>&rarr;<span>one summary per video</span>&rarr;
<span>k-NN, linear probe, search</span></div>
)";

}  // namespace

void write_report(std::filesystem::path const& path, demo_report const& r) {
  std::string html = page_head;
  html += "<p class='lead'>" + escaped(r.summary) + "</p>\n";
  html += page_flow;
  html +=
      "<h2>The videos</h2>\n<p>Every video shows a shape that makes the same three motions, one after the other. "
      "Only their order differs, and the order is what has to be recognised.</p>\n";
  for (report_picture const& p : r.pictures) {
    html += "<p>" + escaped(p.title) + "</p><div class='strip'>";
    for (auto const& frame : p.frames) html += "<img alt='' src='" + picture_uri(frame, p.side) + "'>";
    html += "</div>\n";
  }
  html +=
      "<h2>Accuracy on videos that were held out, in %</h2>\n<div class='wide'><table><tr><th>classifier</th>"
      "<th>sees</th>";
  for (std::string const& input : r.inputs) html += "<th>" + escaped(input) + "</th>";
  html += "</tr>\n";
  for (report_row const& row : r.rows) {
    html += "<tr><td>" + escaped(row.classifier) + "</td><td>" + escaped(row.sees) + "</td>";
    for (report_figure const& f : row.figures) html += bar(f, r.chance);
    html += "</tr>\n";
  }
  html += fmt::format(
      "</table></div>\n<p>x is the mean of the backbone's features over a video's clips: what there is without "
      "pre-training. cls is the set's summary. Small numbers: the 95 % interval. The mark on each bar: chance, {:.1f} "
      "%. Inputs: the paper's features as they are, and centred ones, from which each video's own mean is taken.</p>\n",
      r.chance);
  html += "<h2>Loss while pre-training</h2>\n" + chart(r.curves);
  html +=
      "\n<h2>Nearest neighbours by the set's summary</h2>\n<p>Held-out videos, nearest first, with the cosine of "
      "the angle between the summaries.</p>\n";
  for (report_query const& q : r.queries) {
    html += "<p><b>" + escaped(q.title) + "</b></p><ul>";
    for (report_neighbour const& n : q.nearest)
      html += fmt::format("<li>{} <small>{:.2f}</small></li>", escaped(n.title), n.similarity);
    html += "</ul>\n";
  }
  html += "<h2>Settings</h2>\n<table>";
  for (auto const& [name, value] : r.settings)
    html += "<tr><td>" + escaped(name) + "</td><td>" + escaped(value) + "</td></tr>\n";
  html += "</table></body></html>\n";
  atomic_file file(path);
  file.write(html);
  file.commit();
}

}  // namespace scale::program
