// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of batch normalisation. A block reduces one channel over samples and places or, for matrices (one place),
// 32 neighbouring channels over samples, so that its threads read neighbours.

#include <scale/cuda/batch_norm.hpp>
#include <scale/cuda/detail/elementwise.cuh>

namespace scale::cuda::detail {

struct batch_norm_tuning {
  static constexpr int block = 256;
  static constexpr int channels = warp_size;  // per block where there is one place
};

/// Which channel a thread adds up, and which of its values: first, first + step, ...
struct channel_share {
  index_t channel, first, step;
  int group;  // threads of one channel are those with the same thread % group; 1: all

  __device__ channel_share(index_t places) {
    int const thread = static_cast<int>(threadIdx.x);
    group = places == 1 ? batch_norm_tuning::channels : 1;
    channel = static_cast<index_t>(blockIdx.x) * group + thread % group;
    first = thread / group;
    step = batch_norm_tuning::block / group;
  }
};

/// Sum over the threads of a channel, on all of them. `shared` has a place per thread; a barrier comes before it is
/// read and one after.
__device__ inline float channel_sum(float value, channel_share const& share, float* shared) {
  int const thread = static_cast<int>(threadIdx.x);
  shared[thread] = value;
  __syncthreads();
  for (int distance = batch_norm_tuning::block / 2; distance >= share.group; distance /= 2) {
    if (thread < distance) shared[thread] += shared[thread + distance];
    __syncthreads();
  }
  float const sum = shared[thread % share.group];
  __syncthreads();
  return sum;
}

/// A contiguous tensor [n, c, s].
template <class T>
struct channel_values {
  T* data;
  index_t n, c, s;

  __device__ T& operator()(index_t channel, index_t k) const {
    return s == 1 ? data[k * c + channel] : data[(k / s * c + channel) * s + k % s];
  }
  __device__ index_t per_channel() const { return n * s; }
};

template <class T>
struct batch_norm_statistics {
  channel_values<T const> x;
  float *running_mean, *running_var;  // nullptr: not given
  float *mean, *rstd;
  batch_norm_mode mode;
  float eps, momentum;
};

template <class T>
SCALE_KERNEL batch_norm_statistics_kernel(batch_norm_statistics<T> a) {
  float* const shared = shared_memory<float>();
  channel_share const share(a.x.s);
  bool const here = share.channel < a.x.c;
  index_t const values = a.x.per_channel();
  float mean = 0, variance = 0;
  if (a.mode == batch_norm_mode::inference) {
    if (here) mean = a.running_mean[share.channel], variance = a.running_var[share.channel];
  } else if (values != 0) {
    float sum = 0;
    for (index_t k = share.first; here && k < values; k += share.step) sum += static_cast<float>(a.x(share.channel, k));
    mean = channel_sum(sum, share, shared) / static_cast<float>(values);
    float squares = 0;
    for (index_t k = share.first; here && k < values; k += share.step) {
      float const d = static_cast<float>(a.x(share.channel, k)) - mean;
      squares += d * d;
    }
    squares = channel_sum(squares, share, shared);
    variance = squares / static_cast<float>(values);
    if (here && share.first == 0) {
      if (a.running_mean != nullptr)
        a.running_mean[share.channel] = (1 - a.momentum) * a.running_mean[share.channel] + a.momentum * mean;
      if (a.running_var != nullptr)
        a.running_var[share.channel] =
            (1 - a.momentum) * a.running_var[share.channel] + a.momentum * (squares / static_cast<float>(values - 1));
    }
  }
  if (here && share.first == 0) {
    a.mean[share.channel] = mean;
    a.rstd[share.channel] = 1.0f / sqrtf(variance + a.eps);
  }
}

/// y of one place. Runs as a matrix [n, c * s]: column j belongs to channel j / s.
template <class T>
struct batch_norm_map {
  matrix<T const> x;
  matrix<T> y;
  T const *gamma, *beta;  // nullptr: 1 and 0
  float const *mean, *rstd;
  index_t s;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> v = load<Width>(x.row(i) + j);
    for (int k = 0; k < Width; ++k) {
      index_t const c = (j + k) / s;
      float const g = gamma != nullptr ? static_cast<float>(gamma[c]) : 1.0f;
      float const b = beta != nullptr ? static_cast<float>(beta[c]) : 0.0f;
      v[k] = (v[k] - mean[c]) * rstd[c] * g + b;
    }
    store<Width>(y.row(i) + j, v);
  }
};

/// sums [2, c] = of dy and of dy * xhat; added to dbeta and dgamma where given.
template <class T>
SCALE_KERNEL batch_norm_sums_kernel(channel_values<T const> x, channel_values<T const> dy, float const* mean,
                                    float const* rstd, float* sums, float* dgamma, float* dbeta) {
  float* const shared = shared_memory<float>();
  channel_share const share(x.s);
  bool const here = share.channel < x.c;
  float const m = here ? mean[share.channel] : 0.0f, r = here ? rstd[share.channel] : 0.0f;
  float sum = 0, dot = 0;
  for (index_t k = share.first; here && k < x.per_channel(); k += share.step) {
    float const d = static_cast<float>(dy(share.channel, k));
    sum += d;
    dot += d * ((static_cast<float>(x(share.channel, k)) - m) * r);
  }
  sum = channel_sum(sum, share, shared);
  dot = channel_sum(dot, share, shared);
  if (!here || share.first != 0) return;
  sums[share.channel] = sum;
  sums[x.c + share.channel] = dot;
  if (dgamma != nullptr) dgamma[share.channel] += dot;
  if (dbeta != nullptr) dbeta[share.channel] += sum;
}

/// dx, as a matrix [n, c * s].
template <class T>
struct batch_norm_gradient {
  matrix<T const> x, dy;
  matrix<T> dx;
  T const* gamma;  // nullptr: 1
  float const *mean, *rstd, *sums;
  index_t c, s;
  float share;  // 1 / (n s) in training; at inference 0: mean and rstd are constants

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> const v = load<Width>(x.row(i) + j);
    lanes<Width> out = load<Width>(dy.row(i) + j);
    for (int k = 0; k < Width; ++k) {
      index_t const channel = (j + k) / s;
      float const factor = rstd[channel] * (gamma != nullptr ? static_cast<float>(gamma[channel]) : 1.0f);
      float const xhat = (v[k] - mean[channel]) * rstd[channel];
      out[k] = factor * (out[k] - sums[channel] * share - xhat * (sums[c + channel] * share));
    }
    store<Width>(dx.row(i) + j, out);
  }
};

template <class T>
channel_values<T> values_of_channels(tensor_view<T, 3, context> const& x) {
  return {x.data_handle(), x.extent(0), x.extent(1), x.extent(2)};
}

/// [n, c, s] as [n, c * s].
template <class T>
matrix<T> sample_rows(tensor_view<T, 3, context> const& x) {
  return tensor_view<T, 2, context>(x.data_handle(), shape{x.extent(0), x.extent(1) * x.extent(2)});
}

template <class T>
dim3 channel_blocks(tensor_view<T const, 3, context> const& x) {
  return blocks(ceil_div(x.extent(1), x.extent(2) == 1 ? batch_norm_tuning::channels : 1));
}

template <class T>
void launch_batch_norm_forward(context const& c, tensor_view<T const, 3, context> x,
                               batch_norm_forward_args<T, context> const& a) {
  constexpr auto op = "batch_norm_forward";
  launch(c, op, batch_norm_statistics_kernel<T>, channel_blocks(x), batch_norm_tuning::block,
         batch_norm_tuning::block * sizeof(float),
         batch_norm_statistics<T>{values_of_channels(x), a.running_mean.data_handle(), a.running_var.data_handle(),
                                  a.mean.data_handle(), a.rstd.data_handle(), a.mode, static_cast<float>(a.eps),
                                  static_cast<float>(a.momentum)});
  batch_norm_map<T> const map{sample_rows(x),       sample_rows(a.y),     a.gamma.data_handle(),
                              a.beta.data_handle(), a.mean.data_handle(), a.rstd.data_handle(),
                              x.extent(2)};
  launch_elementwise<T>(c, op, x.extent(0), x.extent(1) * x.extent(2), map, map.x, map.y);
}

template <class T>
void launch_batch_norm_backward(context const& c, tensor_view<T const, 3, context> x,
                                batch_norm_backward_args<T, context> const& a) {
  constexpr auto op = "batch_norm_backward";
  index_t const n = x.extent(0), channels = x.extent(1), s = x.extent(2);
  tensor<float, 2, context> sums(c, shape{index_t{2}, channels});
  launch(c, op, batch_norm_sums_kernel<T>, channel_blocks(x), batch_norm_tuning::block,
         batch_norm_tuning::block * sizeof(float), values_of_channels(x), values_of_channels(a.dy),
         a.mean.data_handle(), a.rstd.data_handle(), sums.data_handle(), a.dgamma.data_handle(), a.dbeta.data_handle());
  if (!a.dx.has_data()) return;
  float const share = a.mode == batch_norm_mode::training ? 1.0f / static_cast<float>(n * s) : 0.0f;
  batch_norm_gradient<T> const map{sample_rows(x),
                                   sample_rows(a.dy),
                                   sample_rows(a.dx),
                                   a.gamma.data_handle(),
                                   a.mean.data_handle(),
                                   a.rstd.data_handle(),
                                   sums.data_handle(),
                                   channels,
                                   s,
                                   share};
  launch_elementwise<T>(c, op, n, channels * s, map, map.x, map.dy, map.dx);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_BATCH_NORM(T)                                             \
  template void scale::cuda::detail::launch_batch_norm_forward<T>(                       \
      scale::cuda::context const&, scale::tensor_view<T const, 3, scale::cuda::context>, \
      scale::batch_norm_forward_args<T, scale::cuda::context> const&);                   \
  template void scale::cuda::detail::launch_batch_norm_backward<T>(                      \
      scale::cuda::context const&, scale::tensor_view<T const, 3, scale::cuda::context>, \
      scale::batch_norm_backward_args<T, scale::cuda::context> const&);
