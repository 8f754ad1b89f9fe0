// SPDX-License-Identifier: Apache-2.0
#include "scale/demo/report.hpp"

#include <scale/io/atomic_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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

/// One line per curve over the same axes, thinned to at most 300 points.
std::string chart(std::vector<report_curve> const& curves) {
  double top = 0;
  std::size_t length = 2;
  for (report_curve const& c : curves) {
    for (double const v : c.values) top = std::max(top, v);
    length = std::max(length, c.values.size());
  }
  static constexpr char const* colours[] = {"#2a7ae2", "#e2702a", "#2aa05a", "#a04ac0"};
  std::string svg =
      "<svg viewBox='0 0 640 240' role='img' aria-label='loss curves'>"
      "<path d='M40 10V210H630' fill='none' stroke='currentColor' stroke-opacity='.4'/>";
  svg += fmt::format(
      "<text x='36' y='16' text-anchor='end'>{:.1f}</text><text x='36' y='212' text-anchor='end'>0</text>"
      "<text x='630' y='228' text-anchor='end'>step {}</text>",
      top, length);
  for (std::size_t k = 0; k < curves.size(); ++k) {
    std::vector<double> const& v = curves[k].values;
    std::string points;
    std::size_t const skip = std::max<std::size_t>(1, v.size() / 300);
    for (std::size_t i = 0; i < v.size(); i += skip)
      points += fmt::format("{:.1f},{:.1f} ", 40 + 590.0 * static_cast<double>(i) / static_cast<double>(length - 1),
                            210 - 200 * v[i] / std::max(top, 1e-9));
    svg += fmt::format(
        "<polyline points='{}' fill='none' stroke='{}' stroke-width='1.5'/>"
        "<text x='620' y='{}' text-anchor='end' style='fill:{}'>{}</text>",
        points, colours[k % 4], 24 + 16 * k, colours[k % 4], curves[k].name);
  }
  return svg + "</svg>";
}

constexpr char const* page_head = R"(<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>scale demo</title><style>
:root{color-scheme:light dark;--line:#8884}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .5rem;border-bottom:1px solid var(--line);text-align:left}td.n{text-align:right}
.strip{display:flex;gap:3px;overflow-x:auto}.strip img{width:72px;height:72px;image-rendering:auto;flex:none}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:currentColor}
.flow{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center}.flow span{border:1px solid var(--line);
border-radius:.4rem;padding:.2rem .6rem}.wide{overflow-x:auto}</style></head><body>
<h1>scale: what pre-training on sets of clips adds</h1>
<div class="flow"><span>videos</span>&rarr;<span>clips</span>&rarr;<span>frozen backbone</span>&rarr;
<span>features, stored once</span>&rarr;<span>set transformer, pre-trained without labels</span>&rarr;
<span>one summary per video</span>&rarr;<span>k-NN, linear probe, search</span></div>
)";

}  // namespace

void write_report(std::filesystem::path const& path, demo_report const& r) {
  std::string html = page_head;
  for (std::string const& fact : r.facts) html += "<p>" + fact + "</p>\n";
  html += "<h2>Sample videos</h2>\n";
  for (report_picture const& p : r.pictures) {
    html += "<p>" + p.title + "</p><div class='strip'>";
    for (auto const& frame : p.frames) html += "<img alt='' src='" + picture_uri(frame, p.side) + "'>";
    html += "</div>\n";
  }
  html += "<h2>Loss</h2>\n" + chart(r.curves);
  html +=
      "\n<h2>Accuracy on held-out videos</h2><div class='wide'><table><tr><th>input</th><th>classifier</th>"
      "<th>sees</th><th>top-1 %</th><th>95 %</th></tr>\n";
  for (report_row const& row : r.rows)
    html +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td class='n'>{:.1f}</td><td>{:.1f} to {:.1f}</td></tr>\n",
                    row.input, row.method, row.features, row.top1, row.low, row.high);
  html +=
      "</table></div><p>x: mean of the backbone's features over the clips. cls: the set's summary.</p>\n"
      "<h2>Nearest neighbours by the set's summary</h2><div class='wide'><table><tr><th>query</th><th>nearest, with "
      "cosine</th></tr>\n";
  for (report_neighbours const& n : r.neighbours) {
    html += "<tr><td>" + n.query + "</td><td>";
    for (std::size_t i = 0; i < n.classes.size(); ++i)
      html += fmt::format("{}{} ({:.2f})", i != 0 ? "; " : "", n.classes[i], n.similarities[i]);
    html += "</td></tr>\n";
  }
  html += "</table></div></body></html>\n";
  atomic_file file(path);
  file.write(html);
  file.commit();
}

}  // namespace scale::program
