// SPDX-License-Identifier: Apache-2.0
#pragma once
// Clips of a feature store, picked on the device.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/gather_clips.hpp>

#include <concepts>

namespace scale::opencl {

namespace detail {

/// STORED is the store's type, LOAD reads an element of it as a float.
inline constexpr program_source gather_clips_program{"gather_clips", {R"CL(
kernel void gather_clips(long columns, ARRAY(STORED const, store), long clips, ARRAY(int const, video),
                         ARRAY(int const, clip), long clips_per_row, ARRAY(float const, mean),
                         ARRAY(float const, inverse_scale), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) {
    long const v = DATA(video)[i / clips_per_row];
    float value = LOAD((v * clips + DATA(clip)[i]) * columns + j, DATA(store));
    if (GIVEN(mean)) value -= DATA(mean)[v * columns + j];
    if (GIVEN(inverse_scale)) value *= DATA(inverse_scale)[j];
    ROW(y, i)[j] = value;
  }
}
)CL"}};

template <class S>
inline constexpr char const* stored_defines =
    std::same_as<S, f16>     ? "-D STORED=half -D LOAD=vload_half"
    : std::same_as<S, float> ? "-D STORED=float -D LOAD(i,from)=(from)[i]"
                             : "-D STORED=double -D LOAD(i,from)=(float)(from)[i]";

}  // namespace detail

/// A store in double needs a device that knows double (cl_khr_fp64): a resource_error elsewhere.
template <storable S, opencl_float T>
void gather_clips(context const& c, tensor_view<S const, 3, context> store, tensor_view<T, 2, context> y,
                  gather_clips_args<T, context> const& a) {
  if (std::same_as<S, double> && !c.state().device().supports_extension("cl_khr_fp64"))
    throw resource_error("[gather_clips] device '" + c.device_name() +
                         "' does not know double (cl_khr_fp64): expected a store in f16 or f32");
  detail::launch_with(c, "gather_clips", detail::gather_clips_program, detail::stored_defines<S>, "gather_clips",
                      detail::elements(y.extent(0), y.extent(1)), y.extent(1), store.data_handle(), store.extent(1),
                      a.video.data_handle(), a.clip.data_handle(), a.clip.extent(1), a.mean.data_handle(),
                      a.inverse_scale.data_handle(), detail::matrix(y));
}

}  // namespace scale::opencl
