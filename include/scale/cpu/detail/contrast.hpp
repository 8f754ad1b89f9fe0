// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the contrastive losses share: scores in tiles that stay in the cache, looked at or differentiated tile by tile.
// All tiles are cut by the shapes alone and products run on one thread each: results do not depend on the threads.

#include <scale/core/tensor_view.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/matmul.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/detail/vector_math.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <vector>

namespace scale::cpu::detail {

/// Tile of scores: 128 x 512 floats are a quarter of a mebibyte. Chunk of the backward: 512 x 2048 floats, 4 MiB.
inline constexpr index_t tile_rows = 128, tile_columns = 512, chunk_rows = 512, chunk_columns = 2048;

/// Near-equal parts of [0, n), none above `most`.
struct even_parts {
  index_t n, count;

  even_parts(index_t size, index_t most) : n(size), count((size + most - 1) / most) {}
  range operator[](index_t part) const { return part_of(n, static_cast<int>(part), static_cast<int>(count)); }
  index_t largest() const { return count == 0 ? 0 : (n + count - 1) / count; }
};

template <class T>
matrix<T> rows_of(matrix<T> const& m, range r) {
  return {m.data + r.begin * m.row_stride, r.end - r.begin, m.columns, m.row_stride, m.column_stride};
}

/// What one query has seen so far. Scores are dot products, not yet divided by the temperature.
struct query_state {
  float largest = -std::numeric_limits<float>::infinity();
  float target_score = 0;
  double sum = 0;        // of exp((score - largest) / temperature)
  bool correct = false;  // the target is the first of the largest scores so far
};

/// Takes the scores of keys [first, first + n) into a query's state.
SCALE_ALWAYS_INLINE void look_at(query_state& state, float const* scores, index_t n, index_t first, index_t target,
                                 float inverse_temperature) {
  float const most = largest(scores, n);
  bool const here = target >= first && target < first + n;
  if (here) state.target_score = scores[target - first];
  if (most > state.largest) {
    state.sum *= static_cast<double>(exp((state.largest - most) * inverse_temperature));
    state.largest = most;
    state.correct = here && scores[target - first] == most;
    for (index_t j = 0; state.correct && first + j < target; ++j) state.correct = scores[j] != most;
  }
  float const top = state.largest;
  state.sum +=
      static_cast<double>(lane_sum<float>(n, [=](index_t j) { return exp((scores[j] - top) * inverse_temperature); }));
}

struct contrast_result {
  double loss_sum;
  index_t correct;
};

/// For each row of q: lse of its scores against all keys. target_of(i) is the key of row i.
template <class T, class TargetOf>
contrast_result contrast_forward(context const& c, char const* op, matrix<T> const& q, matrix<T> const& keys,
                                 TargetOf const& target_of, double temperature, float* lse) {
  even_parts const blocks(q.rows, std::clamp((q.rows + 15) / 16, index_t{32}, tile_rows));
  even_parts const tiles(keys.rows, tile_columns);
  float const inverse = static_cast<float>(1 / temperature);
  std::vector<double> losses(static_cast<std::size_t>(q.rows));
  std::vector<char> correct(static_cast<std::size_t>(q.rows));
  parallel_for(c, blocks.count, 1, [&](index_t begin, index_t end) {
    context const alone(1);
    std::vector<float> scratch(static_cast<std::size_t>(blocks.largest() * tiles.largest()));
    std::vector<query_state> states;
    for (index_t block = begin; block < end; ++block) {
      range const rows = blocks[block];
      states.assign(static_cast<std::size_t>(rows.end - rows.begin), query_state{});
      for (index_t tile = 0; tile < tiles.count; ++tile) {
        range const columns = tiles[tile];
        index_t const width = columns.end - columns.begin;
        multiply(alone, op, rows_of(q, rows), rows_of(keys, columns).flipped(),
                 matrix<float>{scratch.data(), rows.end - rows.begin, width, width, 1});
        simd_dispatch([&] {
          for (index_t i = rows.begin; i < rows.end; ++i)
            look_at(states[static_cast<std::size_t>(i - rows.begin)], scratch.data() + (i - rows.begin) * width, width,
                    columns.begin, target_of(i), inverse);
        });
      }
      for (index_t i = rows.begin; i < rows.end; ++i) {
        query_state const& state = states[static_cast<std::size_t>(i - rows.begin)];
        double const log_sum = std::log(state.sum), top = static_cast<double>(state.largest);
        lse[i] = static_cast<float>(top / temperature + log_sum);
        losses[static_cast<std::size_t>(i)] = log_sum + (top - static_cast<double>(state.target_score)) / temperature;
        correct[static_cast<std::size_t>(i)] = state.correct ? 1 : 0;
      }
    }
  });
  contrast_result result{0, 0};
  for (double const loss : losses) result.loss_sum += loss;
  for (char const one : correct) result.correct += one;
  return result;
}

/// dq = P keys and dkeys = or += P^T q, where turn(i, first, n, scores) makes row i of P from the dot products of q_i
/// with keys [first, first + n), in place; it is inlined and runs vectorised. P is rounded to T.
template <class T, class Turn>
void contrast_backward(context const& c, char const* op, matrix<T> const& q, matrix<T> const& keys, Turn const& turn,
                       matrix<float> const& dq, matrix<float> const& dkeys, write_mode dkeys_mode) {
  constexpr bool rounds = !std::same_as<T, float>;
  even_parts const row_chunks(q.rows, chunk_rows), column_chunks(keys.rows, chunk_columns);
  std::vector<T> scratch(static_cast<std::size_t>(row_chunks.largest() * column_chunks.largest()));
  for (index_t column_chunk = 0; column_chunk < column_chunks.count; ++column_chunk)
    for (index_t row_chunk = 0; row_chunk < row_chunks.count; ++row_chunk) {
      range const rows = row_chunks[row_chunk], columns = column_chunks[column_chunk];
      index_t const height = rows.end - rows.begin, width = columns.end - columns.begin;
      matrix<T> const some_q = rows_of(q, rows), some_keys = rows_of(keys, columns);
      matrix<T> const p{scratch.data(), height, width, width, 1};
      even_parts const row_tiles(height, tile_rows), column_tiles(width, tile_columns);
      auto const part = [&](range r, range k) {
        return matrix<T>{p.data + r.begin * width + k.begin, r.end - r.begin, k.end - k.begin, width, 1};
      };
      parallel_for(c, row_tiles.count * column_tiles.count, 1, [&](index_t begin, index_t end) {
        context const alone(1);
        std::vector<float> tile_scores(rounds ? static_cast<std::size_t>(row_tiles.largest() * column_tiles.largest())
                                              : 0);
        for (index_t tile = begin; tile < end; ++tile) {
          range const r = row_tiles[tile / column_tiles.count], k = column_tiles[tile % column_tiles.count];
          matrix<T> const result = part(r, k);
          matrix<float> scores;
          if constexpr (rounds)
            scores = {tile_scores.data(), result.rows, result.columns, result.columns, 1};
          else
            scores = result;
          multiply(alone, op, rows_of(some_q, r), rows_of(some_keys, k).flipped(), scores);
          simd_dispatch([&] {
            for (index_t i = 0; i < scores.rows; ++i) {
              float* const row = scores.data + i * scores.row_stride;
              turn(rows.begin + r.begin + i, columns.begin + k.begin, scores.columns, row);
              if constexpr (rounds) {
                T* const to = result.data + i * width;
#pragma omp simd
                for (index_t j = 0; j < scores.columns; ++j) round_to(to[j], row[j]);
              }
            }
          });
        }
      });
      write_mode const dq_mode = column_chunk == 0 ? write_mode::assign : write_mode::accumulate;
      write_mode const dk_mode = row_chunk == 0 ? dkeys_mode : write_mode::accumulate;
      parallel_for(c, row_tiles.count + column_tiles.count, 1, [&](index_t begin, index_t end) {
        context const alone(1);
        for (index_t tile = begin; tile < end; ++tile) {
          if (tile < row_tiles.count) {
            range const r = row_tiles[tile];
            multiply(alone, op, rows_of(p, r), some_keys, rows_of(rows_of(dq, rows), r),
                     {.bias = nullptr, .mode = dq_mode, .relu = false});
          } else {
            range const k = column_tiles[tile - row_tiles.count];
            multiply(alone, op, part({0, height}, k).flipped(), some_q, rows_of(rows_of(dkeys, columns), k),
                     {.bias = nullptr, .mode = dk_mode, .relu = false});
          }
        }
      });
    }
}

/// Where sums for a view [n, c] are formed in float: in the view itself, or, for a 16-bit type, beside it.
template <class T>
class float_sums {
 public:
  explicit float_sums(tensor_view<T, 2, context> const& to) : to_(to) {
    if constexpr (!std::same_as<T, float>) sums_.resize(static_cast<std::size_t>(to.size()));
  }

  matrix<float> sums() {
    if constexpr (std::same_as<T, float>)
      return matrix_of(to_);
    else
      return {sums_.data(), to_.extent(0), to_.extent(1), to_.extent(1), 1};
  }

  /// What `mode` says of the view, said of the sums.
  static constexpr write_mode mode(write_mode asked) { return std::same_as<T, float> ? asked : write_mode::assign; }

  /// Rounds the sums, once, into the view: = or +=.
  void finish(context const& c, write_mode asked) {
    if constexpr (!std::same_as<T, float>) {
      index_t const columns = to_.extent(1);
      auto const row = [&, columns](index_t i, T* out) {
        float const* const in = sums_.data() + i * columns;
        if (asked == write_mode::assign) {
#pragma omp simd
          for (index_t j = 0; j < columns; ++j) round_to(out[j], in[j]);
        } else {
#pragma omp simd
          for (index_t j = 0; j < columns; ++j) round_to(out[j], float(out[j]) + in[j]);
        }
      };
      for_each_row(c, row, to_);
    }
  }

 private:
  tensor_view<T, 2, context> to_;
  std::vector<float> sums_;
};

}  // namespace scale::cpu::detail
