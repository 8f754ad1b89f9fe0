// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference gathering of clips from a feature store.

#include <scale/ops/gather_clips.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <storable S, floating T>
void gather_clips(context const&, tensor_view<S const, 3, context> store, tensor_view<T, 2, context> y,
                  gather_clips_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < a.clip.extent(0); ++i)
    for (index_t j = 0; j < a.clip.extent(1); ++j)
      for (index_t l = 0; l < store.extent(2); ++l) {
        stat value = static_cast<stat>(store(a.video(i), a.clip(i, j), l));
        if (a.mean.has_data()) value -= a.mean(a.video(i), l);
        if (a.inverse_scale.has_data()) value *= a.inverse_scale(l);
        y(i * a.clip.extent(1) + j, l) = T(value);
      }
}

}  // namespace scale::ref
