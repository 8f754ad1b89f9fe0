// SPDX-License-Identifier: Apache-2.0
#pragma once
// Moves elements between host memory and a backend's tensors: contract of upload and download.

#include <scale/core/tensor.hpp>

#include <span>
#include <string>

namespace scale {

namespace detail::transfer_cpo {

void upload() = delete;
void download() = delete;

template <class B, class Host, class View>
concept upload_on = requires(B const& b, Host host, View view) {
  upload(b, host, view);
};
template <class B, class View, class Host>
concept download_on = requires(B const& b, View view, Host host) {
  download(b, view, host);
};

inline void expect_equal_sizes(char const* op, index_t host, index_t device, location at) {
  if (host != device)
    throw_expected(op, "host size", std::to_string(device) + " elements, as the tensor has", std::to_string(host), at);
}

/// Backends receive the tensor as a contiguous view of rank 1.
struct upload_fn {
  template <backend B, class X>
  requires readable_by<X, B>
  void operator()(B const& b, std::type_identity_t<std::span<element_t<X> const>> host, X&& destination,
                  location at = location::current()) const {
    using T = element_t<X>;
    tensor_view<T, rank_of<X>, B> const view = destination;
    expect_equal_sizes("upload", static_cast<index_t>(host.size()), view.size(), at);
    expect_shape("upload", "destination", view, view.extents(), at);
    expect_contiguous("upload", "destination", view, at);
    tensor_view<T, 1, B> const flat(view.data_handle(), shape{view.size()});
    if constexpr (upload_on<B, std::span<T const>, tensor_view<T, 1, B>>)
      upload(b, host, flat);
    else
      static_assert(sizeof(T) == 0,
                    "upload: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

struct download_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& source, std::type_identity_t<std::span<element_t<X>>> host,
                  location at = location::current()) const {
    using T = element_t<X>;
    tensor_view<T const, rank_of<X>, B> const view = source;
    expect_equal_sizes("download", static_cast<index_t>(host.size()), view.size(), at);
    expect_shape("download", "source", view, view.extents(), at);
    expect_contiguous("download", "source", view, at);
    tensor_view<T const, 1, B> const flat(view.data_handle(), shape{view.size()});
    if constexpr (download_on<B, tensor_view<T const, 1, B>, std::span<T>>)
      download(b, flat, host);
    else
      static_assert(sizeof(T) == 0,
                    "download: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::transfer_cpo

/// upload(b, host, destination): copies `host` to a contiguous tensor of as many elements, row-major. `host` may be
/// changed as soon as it returns.
inline constexpr detail::transfer_cpo::upload_fn upload{};

/// download(b, source, host): copies a contiguous tensor to `host`, of as many elements. All work queued before on the
/// backend is done, and `host` is complete, when it returns.
inline constexpr detail::transfer_cpo::download_fn download{};

}  // namespace scale
