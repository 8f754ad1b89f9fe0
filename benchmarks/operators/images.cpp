// SPDX-License-Identifier: Apache-2.0
// convolution, frozen_convolution, batch_norm, pooling, patch_rows, trilinear_resize and motion_energy: what backbones
// do with clips of 16 x 224 x 224.
#include <scale/cpu/batch_norm.hpp>
#include <scale/cpu/convolution.hpp>
#include <scale/cpu/frozen_convolution.hpp>
#include <scale/cpu/max_pool.hpp>
#include <scale/cpu/mean_pool.hpp>
#include <scale/cpu/motion_energy.hpp>
#include <scale/cpu/patch_rows.hpp>
#include <scale/cpu/trilinear_resize.hpp>

#include "operators/cases.hpp"

namespace scale::benchmarks {

namespace {

using cpu::context;

/// A convolution of SlowOnly-R50 over a clip, kernel padded to keep the size where the stride is 1.
struct layer {
  char const* name;
  index_t inputs, outputs, frames, size;
  index_t kernel[3], stride[3];

  index_t out(int axis) const {
    index_t const extent = axis == 0 ? frames : size;
    return (extent + 2 * (kernel[axis] / 2) - kernel[axis]) / stride[axis] + 1;
  }
  index_t places() const { return out(0) * out(1) * out(2); }
  index_t weights() const { return outputs * inputs * kernel[0] * kernel[1] * kernel[2]; }
  double flops() const { return product(places(), outputs, inputs * kernel[0] * kernel[1] * kernel[2]); }
  shape<5> x() const { return {{1, inputs, frames, size, size}}; }
  shape<5> y() const { return {{1, outputs, out(0), out(1), out(2)}}; }
  shape<5> w() const { return {{outputs, inputs, kernel[0], kernel[1], kernel[2]}}; }
};

constexpr layer stem{"stem_1x7x7", 3, 64, 16, 224, {1, 7, 7}, {1, 2, 2}};
constexpr layer layers[] = {stem,
                            {"res2_1x3x3", 64, 64, 16, 56, {1, 3, 3}, {1, 1, 1}},
                            {"res3_1x1x1", 128, 512, 16, 28, {1, 1, 1}, {1, 1, 1}},
                            {"res4_3x1x1", 1024, 256, 16, 14, {3, 1, 1}, {1, 1, 1}},
                            {"res5_1x3x3", 512, 512, 16, 7, {1, 3, 3}, {1, 1, 1}}};

template <class T>
void add_convolution(layer const& l) {
  work const one{l.flops(), bytes<T>(l.x().size(), l.y().size(), l.weights())};
  std::string const name = std::string("/") + l.name;
  add<T>("convolution_forward" + name, one, [=](context const& b) {
    return [=, x = random<T>(b, l.x()), w = random<T>(b, l.w(), 0.1f), bias = random<T>(b, shape{l.outputs}),
            y = random<T>(b, l.y())]() mutable {
      index_t const p[3] = {l.kernel[0] / 2, l.kernel[1] / 2, l.kernel[2] / 2};
      convolution_forward(b, x,
                          {.weight = w,
                           .bias = bias,
                           .y = y,
                           .stride = {l.stride[0], l.stride[1], l.stride[2]},
                           .pad_begin = {p[0], p[1], p[2]},
                           .pad_end = {p[0], p[1], p[2]},
                           .act = activation::relu});
    };
  });
  add<T>("frozen_convolution" + name, one, [=](context const& b) {
    auto const w = random<T>(b, l.w(), 0.1f);
    auto const bias = random<T>(b, shape{l.outputs});
    index_t const p[3] = {l.kernel[0] / 2, l.kernel[1] / 2, l.kernel[2] / 2};
    return [=, x = random<T>(b, l.x()), y = random<T>(b, l.y()),
            frozen = freeze_convolution(b, w,
                                        {.bias = bias,
                                         .stride = {l.stride[0], l.stride[1], l.stride[2]},
                                         .pad_begin = {p[0], p[1], p[2]},
                                         .pad_end = {p[0], p[1], p[2]},
                                         .act = activation::relu})]() mutable {
      frozen_convolution_forward(b, x, frozen, {.y = y});
    };
  });
}

template <class T>
void add_convolution_backward(layer const& l) {
  work const one{2 * l.flops(), bytes<T>(2 * l.x().size(), l.y().size(), 2 * l.weights())};
  add<T>(std::string("convolution_backward/") + l.name, one, [=](context const& b) {
    return
        [=, x = random<T>(b, l.x()), w = random<T>(b, l.w(), 0.1f), dy = random<T>(b, l.y()), dx = random<T>(b, l.x()),
         dw = random<acc_t<T>>(b, l.w()), dbias = random<acc_t<T>>(b, shape{l.outputs})]() mutable {
          index_t const p[3] = {l.kernel[0] / 2, l.kernel[1] / 2, l.kernel[2] / 2};
          convolution_backward(b, x,
                               {.dy = dy,
                                .weight = w,
                                .dx = dx,
                                .dweight = dw,
                                .dbias = dbias,
                                .stride = {l.stride[0], l.stride[1], l.stride[2]},
                                .pad_begin = {p[0], p[1], p[2]},
                                .pad_end = {p[0], p[1], p[2]}});
        };
  });
}

/// The normalisation of a linear probe: clips of a batch, no affine parameters.
template <class T>
void add_batch_norm() {
  shape<3> const s{{videos, features, set_clips}};
  add<T>("batch_norm_forward/512x768x8", {0, bytes<T>(2 * s.size())}, [=](context const& b) {
    return [=, x = random<T>(b, s), y = random<T>(b, s), mean = random<stat_t<T>>(b, shape{features}),
            rstd = random<stat_t<T>>(b, shape{features})]() mutable {
      batch_norm_forward(b, x, {.mean = mean, .rstd = rstd, .y = y, .mode = batch_norm_mode::training});
    };
  });
  add<T>("batch_norm_backward/512x768x8", {0, bytes<T>(3 * s.size())}, [=](context const& b) {
    return [=, x = random<T>(b, s), dy = random<T>(b, s), dx = random<T>(b, s),
            mean = random<stat_t<T>>(b, shape{features}), rstd = random<stat_t<T>>(b, shape{features})]() mutable {
      batch_norm_backward(b, x, {.dy = dy, .mean = mean, .rstd = rstd, .dx = dx, .mode = batch_norm_mode::training});
    };
  });
}

template <class T>
void add_pooling() {
  shape<5> const large{{1, 64, 16, 112, 112}}, small{{1, 64, 16, 56, 56}}, last{{1, 2048, 16, 7, 7}};
  add<T>("max_pool_forward/64x16x112x112", {0, bytes<T>(large.size(), small.size())}, [=](context const& b) {
    return [=, x = random<T>(b, large), y = random<T>(b, small)]() mutable {
      max_pool_forward(b, x, {.y = y, .kernel = {1, 3, 3}, .stride = {1, 2, 2}, .pad = {0, 1, 1}});
    };
  });
  add<T>("max_pool_backward/64x16x112x112", {0, bytes<T>(large.size(), small.size())}, [=](context const& b) {
    auto const x = random<T>(b, large);
    auto y = random<T>(b, small);
    tensor<std::int32_t, 5, context> argmax(b, small);
    max_pool_forward(b, x, {.y = y, .argmax = argmax, .kernel = {1, 3, 3}, .stride = {1, 2, 2}, .pad = {0, 1, 1}});
    return [=, dy = std::move(y), argmax = std::move(argmax), dx = random<T>(b, large)]() mutable {
      max_pool_backward(b, dy, {.argmax = argmax, .dx = dx});
    };
  });
  add<T>("mean_pool_forward/2048x16x7x7", {0, bytes<T>(last.size())}, [=](context const& b) {
    return [=, x = random<T>(b, last), y = random<T>(b, shape{index_t{1}, index_t{2048}})]() mutable {
      mean_pool_forward(b, x, {.y = y});
    };
  });
  add<T>("mean_pool_backward/2048x16x7x7", {0, bytes<T>(last.size())}, [=](context const& b) {
    return [=, dx = random<T>(b, last), dy = random<T>(b, shape{index_t{1}, index_t{2048}})]() mutable {
      mean_pool_backward(b, dy, {.dx = dx});
    };
  });
}

template <class T>
void add_clips() {
  shape<5> const clip{{1, 3, 16, 224, 224}};
  add<T>("patch_rows/2x16x16", {0, bytes<T>(2 * clip.size())}, [=](context const& b) {
    return [=, x = random<T>(b, clip), y = random<T>(b, shape{patches, index_t{1536}})]() mutable {
      patch_rows(b, x, {.frames = 2, .size = 16, .y = y});
    };
  });
  shape<5> const trained{{1, features, 8, 14, 14}}, wanted{{1, features, 16, 16, 16}};
  add<T>("trilinear_resize_forward/8x14x14_to_16x16x16", {0, bytes<T>(trained.size(), wanted.size())},
         [=](context const& b) {
           return [=, x = random<T>(b, trained), y = random<T>(b, wanted)]() mutable {
             trilinear_resize_forward(b, x, {.y = y});
           };
         });
  add<T>("trilinear_resize_backward/8x14x14_to_16x16x16", {0, bytes<T>(trained.size(), wanted.size())},
         [=](context const& b) {
           return [=, dx = random<T>(b, trained), dy = random<T>(b, wanted)]() mutable {
             trilinear_resize_backward(b, dy, {.dx = dx});
           };
         });
  index_t const room = motion_energy_workspace(16, 224, 224);
  add<T>("motion_energy/16x224x224", {0, bytes<T>(clip.size())}, [=](context const& b) {
    return [=, x = random<T>(b, clip, 0.5f), y = random<T>(b, shape{index_t{1}, motion_energy_width}),
            workspace = random<stat_t<T>>(b, shape{index_t{1}, room})]() mutable {
      motion_energy(b, x, {.y = y, .workspace = workspace});
    };
  });
}

template <class T>
void add_all() {
  for (layer const& one : layers) add_convolution<T>(one);
  add_convolution_backward<T>(layers[1]);
  add_batch_norm<T>();
  add_pooling<T>();
  add_clips<T>();
}

}  // namespace

void add_images() {
  add_all<float>();
  add_all<bf16>();
}

}  // namespace scale::benchmarks
