// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of motion energy, a row of the grid of blocks per clip: a thread per place for the averages and the filters
// along x; a block per cell of the frame, a thread per place and orientation, for the filters along y and in time and
// the energies; and the numbers, a thread per scale.

#include <scale/cuda/detail/kernel.cuh>
#include <scale/cuda/motion_energy.hpp>
#include <scale/ops/motion_energy/ratios.hpp>

#include <algorithm>

namespace scale::cuda::detail {

struct motion_energy_tuning {
  static constexpr int block = 256;       // threads, a place each
  static constexpr int look_block = 512;  // threads of the sums over a clip
  static constexpr int numbers_block = 96;
};

/// The workspace of a clip: planes [t, grid, grid] of luma and two opponent colours, in whose place the luma of the
/// smaller scales lies later; five planes of filtered luma; the sums of each scale.
struct motion_energy_memory {
  using size = motion_energy_size;
  using cells = scale::detail::motion_energy_cells<float>;
  static constexpr index_t plane = index_t{size::grid} * size::grid;

  float* data;
  index_t stride, t;

  __device__ float* clip() const { return data + static_cast<index_t>(blockIdx.y) * stride; }
  __device__ float* channel(int which) const { return clip() + which * t * plane; }
  __device__ float* luma(int scale) const { return channel(scale); }
  __device__ float* filtered() const { return clip() + 3 * t * plane; }
  __device__ cells* sums(int scale) const { return reinterpret_cast<cells*>(clip() + 8 * t * plane) + scale; }
};

/// The pixels of a line of `length` that place o of the grid covers, and how much of the place each of them is.
struct motion_energy_cover {
  index_t o, length, begin, end;

  __device__ motion_energy_cover(index_t o_, index_t length_)
      : o(o_), length(length_), begin(o * length / size::grid), end(ceil_div((o + 1) * length, size::grid)) {}

  __device__ float share(index_t pixel) const {
    index_t const low = o * length > pixel * size::grid ? o * length : pixel * size::grid;
    index_t const high = (o + 1) * length < (pixel + 1) * size::grid ? (o + 1) * length : (pixel + 1) * size::grid;
    return static_cast<float>(high - low) / static_cast<float>(length);
  }

  using size = motion_energy_size;
};

__device__ inline index_t motion_energy_thread() {
  return static_cast<index_t>(blockIdx.x) * motion_energy_tuning::block + static_cast<index_t>(threadIdx.x);
}

/// Step 1, for clips x [3, t, h, w] one after another.
template <class T>
SCALE_KERNEL motion_energy_average_kernel(T const* x, index_t h, index_t w, motion_energy_memory memory) {
  constexpr index_t grid = motion_energy_size::grid;
  index_t const i = motion_energy_thread();
  if (i >= memory.t * motion_energy_memory::plane) return;
  index_t const frame = i / motion_energy_memory::plane;
  motion_energy_cover const rows(i / grid % grid, h), columns(i % grid, w);
  float mean[3] = {};
  for (int channel = 0; channel < 3; ++channel) {
    T const* const from = x + ((static_cast<index_t>(blockIdx.y) * 3 + channel) * memory.t + frame) * h * w;
    for (index_t column = columns.begin; column < columns.end; ++column) {
      float sum = 0;
      for (index_t row = rows.begin; row < rows.end; ++row)
        sum += static_cast<float>(from[row * w + column]) * rows.share(row);
      mean[channel] += columns.share(column) * sum;
    }
  }
  memory.channel(0)[i] = 0.299f * mean[0] + 0.587f * mean[1] + 0.114f * mean[2];
  memory.channel(1)[i] = mean[0] - mean[1];
  memory.channel(2)[i] = mean[2] - (mean[0] + mean[1]) * 0.5f;
}

/// Colour, contrast and change, a block per clip.
template <class T>
SCALE_KERNEL motion_energy_look_kernel(motion_energy_memory memory, T* y, index_t y_stride) {
  using layout = motion_energy_layout;
  constexpr index_t plane = motion_energy_memory::plane;
  constexpr int warps = motion_energy_tuning::look_block / warp_size;
  double* partial = shared_memory<double>();  // [8 sums, warps]
  T* const out = y + static_cast<index_t>(blockIdx.y) * y_stride;
  auto const sum_of = [&](index_t begin, index_t end, auto const& term) {
    double sum = 0;
    for (index_t i = begin + threadIdx.x; i < end; i += motion_energy_tuning::look_block) sum += term(i);
    sum = block_sum(sum, partial);
    partial += warps;
    return sum;
  };
  double mean[3], deviation[3];
  for (int channel = 0; channel < 3; ++channel) {
    float const* const p = memory.channel(channel);
    double const offset = p[0];  // keeps squares small where values hardly vary
    index_t const count = memory.t * plane;
    double const sum = sum_of(0, count, [&](index_t i) { return p[i] - offset; });
    double const squares = sum_of(0, count, [&](index_t i) { return (p[i] - offset) * (p[i] - offset); });
    double const shift = sum / static_cast<double>(count);
    double const variance = squares / static_cast<double>(count) - shift * shift;
    mean[channel] = shift + offset;
    deviation[channel] = sqrt(variance > 0 ? variance : 0);
  }
  float const* const luma = memory.channel(0);
  index_t const pairs = memory.t - 1, per_bin = (pairs + 1) / 2;
  double change[2];
  for (int b = 0; b < 2; ++b) {
    index_t const first = b == 0 ? 0 : pairs - per_bin;
    change[b] = sum_of(first * plane, (first + per_bin) * plane,
                       [&](index_t i) { return static_cast<double>(fabsf(luma[i + plane] - luma[i])); });
  }
  if (threadIdx.x != 0) return;
  auto const put = [&](int index, double value) { out[index] = T(static_cast<float>(layout::look_weight * value)); };
  for (int which = 0; which < 2; ++which) {
    put(layout::colour + which, mean[1 + which]);
    put(layout::colour_spread + which, deviation[1 + which]);
  }
  put(layout::contrast, deviation[0]);
  for (int b = 0; b < 2; ++b)
    put(layout::change + b, change[b] / static_cast<double>(per_bin * plane) / (deviation[0] + 1e-3));
}

/// Rows of luma through the low pass and both Gabor pairs.
SCALE_KERNEL motion_energy_rows_kernel(motion_energy_memory memory, int scale, index_t side,
                                       motion_energy_taps<float> taps) {
  index_t const i = motion_energy_thread(), plane = side * side;
  if (i >= memory.t * plane) return;
  index_t const x = i % side;
  float const* const row = memory.luma(scale) + i - x;
  float const here = row[x];
  float low = here * taps.low[0], even = here * taps.even[0], diagonal_even = here * taps.diagonal_even[0];
  float odd = 0, diagonal_odd = 0;
  for (int d = 1; d <= motion_energy_size::reach; ++d) {
    float const before = row[x < d ? 0 : x - d], after = row[x + d < side ? x + d : side - 1];
    float const sum = after + before, difference = after - before;
    low += sum * taps.low[d];
    even += sum * taps.even[d];
    odd += difference * taps.odd[d];
    diagonal_even += sum * taps.diagonal_even[d];
    diagonal_odd += difference * taps.diagonal_odd[d];
  }
  float* const out = memory.filtered() + i / plane * 5 * plane + i % plane;
  out[0] = low;
  out[plane] = even;
  out[2 * plane] = odd;
  out[3 * plane] = diagonal_even;
  out[4 * plane] = diagonal_odd;
}

struct motion_energy_response {
  float re, im;
};

/// A place's column of filtered luma.
struct motion_energy_column {
  float const* filtered;  // [t, 5, side, side], at this x
  index_t side, y;

  __device__ float at(float const* plane, index_t row) const {
    return plane[(row < 0 ? 0 : row < side ? row : side - 1) * side];
  }
  __device__ float even(float const* plane, float const* taps) const {
    float sum = at(plane, y) * taps[0];
    for (int d = 1; d <= motion_energy_size::reach; ++d) sum += (at(plane, y + d) + at(plane, y - d)) * taps[d];
    return sum;
  }
  __device__ float odd(float const* plane, float const* taps) const {
    float sum = 0;
    for (int d = 1; d <= motion_energy_size::reach; ++d) sum += (at(plane, y + d) - at(plane, y - d)) * taps[d];
    return sum;
  }

  __device__ motion_energy_response response(index_t frame, int orientation,
                                             motion_energy_taps<float> const& taps) const {
    index_t const step = side * side;
    float const* const p = filtered + frame * 5 * step;
    if (orientation == 0) return {even(p + step, taps.low), even(p + 2 * step, taps.low)};
    if (orientation == 2) return {even(p, taps.even), odd(p, taps.odd)};
    // first word: along y, second: along x
    float const even_even = even(p + 3 * step, taps.diagonal_even), odd_even = odd(p + 3 * step, taps.diagonal_odd);
    float const even_odd = even(p + 4 * step, taps.diagonal_even), odd_odd = odd(p + 4 * step, taps.diagonal_odd);
    if (orientation == 1) return {even_even - odd_odd, even_odd + odd_even};
    return {even_even + odd_odd, odd_even - even_odd};
  }
};

/// Steps 2 to 4 for a cell of the frame: a thread per place, and orientation by orientation.
SCALE_KERNEL motion_energy_cells_kernel(motion_energy_memory memory, int scale, index_t side, motion_energy_times times,
                                        motion_energy_taps<float> taps) {
  using size = motion_energy_size;
  constexpr int quantities = motion_energy_memory::cells::quantities, window = 2 * size::half_taps;
  int const fine = static_cast<int>(side) / size::fine, places = fine * fine;
  int const thread = static_cast<int>(threadIdx.x), orientation = thread / places, place = thread % places;
  int const cell_row = static_cast<int>(blockIdx.x) / size::fine,
            cell_column = static_cast<int>(blockIdx.x) % size::fine;
  motion_energy_column const column{memory.filtered() + cell_column * fine + place % fine, side,
                                    index_t{cell_row} * fine + place / fine};
  auto const response = [&](index_t frame) {
    return column.response(frame < 0 ? 0 : frame < memory.t ? frame : memory.t - 1, orientation, taps);
  };
  float energy[size::bins][quantities] = {};
  motion_energy_response seen[static_cast<std::size_t>(window)];  // frames first - 3 to first + 4
  for (int k = 0; k < window; ++k) seen[k] = response(k - size::half_taps + 1);
  for (index_t j = 0; j < times.count; ++j) {
    motion_energy_response low{}, even[size::speeds] = {}, odd[size::speeds] = {};
    for (int i = 0; i < size::half_taps; ++i) {
      motion_energy_response const a = seen[size::half_taps - 1 - i], b = seen[size::half_taps + i];
      motion_energy_response const sum{b.re + a.re, b.im + a.im}, difference{b.re - a.re, b.im - a.im};
      low.re += sum.re * taps.time_low[i];
      low.im += sum.im * taps.time_low[i];
      for (int v = 0; v < size::speeds; ++v) {
        even[v].re += sum.re * taps.time_even[v][i];
        even[v].im += sum.im * taps.time_even[v][i];
        odd[v].re += difference.re * taps.time_odd[v][i];
        odd[v].im += difference.im * taps.time_odd[v][i];
      }
    }
    for (int b = 0; b < size::bins; ++b) {
      if (!(b == 0 ? j < times.half : j >= times.count - times.half)) continue;
      for (int v = 0; v < size::speeds; ++v) {
        energy[b][2 * v] += 2 * (even[v].re * odd[v].im - even[v].im * odd[v].re);
        energy[b][2 * v + 1] +=
            even[v].re * even[v].re + even[v].im * even[v].im + odd[v].re * odd[v].re + odd[v].im * odd[v].im;
      }
      energy[b][2 * size::speeds] += 2 * (low.re * low.re + low.im * low.im);
    }
    for (index_t s = 0; s < times.step; ++s) {
      for (int k = 0; k + 1 < window; ++k) seen[k] = seen[k + 1];
      seen[window - 1] = response(j * times.step + s + 1 + size::half_taps);
    }
  }
  float* const shared = shared_memory<float>();  // [bins, quantities, orientations, places]
  int const threads = places * size::orientations;
  for (int b = 0; b < size::bins; ++b)
    for (int q = 0; q < quantities; ++q) shared[(b * quantities + q) * threads + thread] = energy[b][q];
  __syncthreads();
  for (int line = thread; line < size::bins * quantities * size::orientations; line += threads) {
    float sum = 0;
    for (int k = 0; k < places; ++k) sum += shared[line * places + k];
    int const b = line / size::orientations / quantities, q = line / size::orientations % quantities;
    memory.sums(scale)->sum[b][q][line % size::orientations][cell_row][cell_column] = sum;
  }
}

/// 2 x 2 means of the luma of a scale [t, side, side]: the luma of the next.
SCALE_KERNEL motion_energy_halve_kernel(motion_energy_memory memory, int scale, index_t side) {
  index_t const i = motion_energy_thread(), half = side / 2;
  if (i >= memory.t * half * half) return;
  float const* const p = memory.luma(scale) + i / half * 2 * side + i % half * 2;
  memory.luma(scale + 1)[i] = (p[0] + p[1] + p[side] + p[side + 1]) * 0.25f;
}

/// Step 5: the first thread of each warp has a scale.
template <class T>
SCALE_KERNEL motion_energy_numbers_kernel(motion_energy_memory memory, index_t per_bin, T* y, index_t y_stride) {
  using size = motion_energy_size;
  static_assert(motion_energy_tuning::numbers_block == size::scales * warp_size);
  constexpr int numbers = static_cast<int>(sizeof(motion_energy_memory::cells) / sizeof(float));
  int const thread = static_cast<int>(threadIdx.x), scale = thread / warp_size;
  float* const shared = shared_memory<float>();  // of the cells; then [scales, orientations]
  float* const patterns = shared + size::scales * numbers;
  float const* const from = reinterpret_cast<float const*>(memory.sums(0));
  for (int i = thread; i < size::scales * numbers; i += motion_energy_tuning::numbers_block) shared[i] = from[i];
  __syncthreads();
  T* const out = y + static_cast<index_t>(blockIdx.y) * y_stride;
  if (thread % warp_size == 0) {
    auto const& cells = reinterpret_cast<motion_energy_memory::cells const*>(shared)[scale];
    index_t const side = size::grid >> scale;
    float pattern[size::orientations] = {};
    scale::detail::motion_energy_ratios(cells, scale, static_cast<float>(side * side * per_bin), pattern,
                                        [&](int index, float value) { out[index] = T(value); });
    for (int o = 0; o < size::orientations; ++o) patterns[scale * size::orientations + o] = pattern[o];
  }
  __syncthreads();
  if (thread >= size::orientations) return;
  float sum = 0;
  for (int s = 0; s < size::scales; ++s) sum += patterns[s * size::orientations + thread];
  out[motion_energy_layout::pattern_share + thread] = T(sum);
}

template <class T>
void launch_motion_energy(context const& c, tensor_view<T const, 5, context> x,
                          motion_energy_args<T, context> const& a) {
  constexpr auto op = "motion_energy";
  using size = motion_energy_size;
  using tuning = motion_energy_tuning;
  constexpr index_t cells = size::fine * size::fine;
  constexpr std::size_t cell_bytes = size::scales * sizeof(motion_energy_memory::cells);
  static_assert(cell_bytes <= 16 * 1024 * sizeof(float));  // motion_energy_workspace has room for them
  index_t const n = x.extent(0), t = x.extent(2), h = x.extent(3), w = x.extent(4);
  motion_energy_taps<float> const taps(make_motion_energy_filters());
  motion_energy_times const times = make_motion_energy_times(t);
  motion_energy_memory const memory{a.workspace.data_handle(), a.workspace.stride(0), t};
  index_t const side_by_side = (std::min)({n, a.workspace.extent(0), index_t{65535}});
  for (index_t first = 0; first < n; first += side_by_side) {
    index_t const clips = (std::min)(side_by_side, n - first);
    auto const per_place = [&](index_t places) { return blocks(ceil_div(t * places, tuning::block), clips); };
    T* const y = a.y.data_handle() + first * a.y.stride(0);
    launch(c, op, motion_energy_average_kernel<T>, per_place(motion_energy_memory::plane), tuning::block, 0,
           x.data_handle() + first * 3 * t * h * w, h, w, memory);
    launch(c, op, motion_energy_look_kernel<T>, blocks(1, clips), tuning::look_block,
           8 * (tuning::look_block / warp_size) * sizeof(double), memory, y, a.y.stride(0));
    for (int scale = 0; scale < size::scales; ++scale) {
      index_t const side = size::grid >> scale, places = side * side;
      auto const threads = static_cast<unsigned>(places / cells * size::orientations);
      launch(c, op, motion_energy_rows_kernel, per_place(places), tuning::block, 0, memory, scale, side, taps);
      launch(c, op, motion_energy_cells_kernel, blocks(cells, clips), threads,
             size::bins * motion_energy_memory::cells::quantities * threads * sizeof(float), memory, scale, side, times,
             taps);
      if (scale + 1 < size::scales)
        launch(c, op, motion_energy_halve_kernel, per_place(places / 4), tuning::block, 0, memory, scale, side);
    }
    launch(c, op, motion_energy_numbers_kernel<T>, blocks(1, clips), tuning::numbers_block,
           cell_bytes + size::scales * size::orientations * sizeof(float), memory, times.half, y, a.y.stride(0));
  }
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_MOTION_ENERGY(T)                                          \
  template void scale::cuda::detail::launch_motion_energy<T>(                            \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>, \
      scale::motion_energy_args<T, scale::cuda::context> const&);
