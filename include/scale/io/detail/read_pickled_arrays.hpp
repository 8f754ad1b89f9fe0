// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pickles of NumPy arrays, as Caffe2's models are: a dict of names and arrays, at the top or under "blobs".

#include <scale/io/detail/pickle_walk.hpp>
#include <scale/io/detail/pickled_arrays.hpp>
#include <scale/io/detail/read_torch_pickle.hpp>
#include <scale/io/detail/weights_content.hpp>
#include <scale/io/pickle_value.hpp>

#include <string>
#include <utility>

namespace scale::detail {

/// Fills `content` with every array of the graph, which it takes over.
inline void read_pickled_arrays(weights_content& content, pickle_graph taken) {
  content.pickle.emplace(std::move(taken));
  pickle_graph const& graph = *content.pickle;
  pickled_array_reader const reader(graph);
  pickle_walk const walk(graph, [&](pickle_ref at) { return reader.is_array(at); });
  expect_weights_at_top(graph, walk.holds_tensor(graph.top()));
  walk.for_each_tensor([&](pickle_place const& place) {
    content.add(place.group, place.key_size, reader.read(place.value, std::string(place.path), content.copies));
  });
  content.expect_unique_names(graph.path());
}

}  // namespace scale::detail
