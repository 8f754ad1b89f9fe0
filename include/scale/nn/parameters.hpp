// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parameters of a network and their gradients: one buffer each, with views by number and by name.

#include <scale/core/random.hpp>
#include <scale/core/tensor.hpp>
#include <scale/nn/parameter_table.hpp>
#include <scale/ops/fill.hpp>
#include <scale/ops/transfer.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace scale {

/// A matrix argument that plays no part in deduction: a view of T passes for one of T const.
template <class T, backend B>
using matrix_arg = std::type_identity_t<tensor_view<T, 2, B>>;

/// A parameter on the host, as checkpoints hold it.
template <class T>
struct host_parameter {
  std::vector<index_t> shape;
  std::vector<T> values;  // row-major
};

template <class T>
using host_parameters = std::map<std::string, host_parameter<T>>;

/// Start values of one parameter from element `first` on, by its rule. A uniform element i is bound * (2 u - 1), u
/// number i of the stream (seed, step = the parameter's number, purpose initialise), computed in double and rounded
/// once.
template <floating T>
void initial_values(parameter_entry const& entry, std::size_t number, std::uint64_t seed, index_t first,
                    std::span<T> values) {
  using scalar = stat_t<T>;
  if (entry.initial != initial_value::uniform) {
    std::fill(values.begin(), values.end(),
              static_cast<T>(static_cast<scalar>(entry.initial == initial_value::one ? 1 : 0)));
    return;
  }
  double const bound = 1.0 / std::sqrt(static_cast<double>(entry.fan_in));
  random_key const key = make_key(seed, static_cast<std::uint32_t>(number), purpose::initialise);
  for (std::size_t i = 0; i < values.size(); ++i) {
    double const u = random_unit(key, static_cast<std::size_t>(first) + i);
    values[i] = static_cast<T>(static_cast<scalar>(bound * (2 * u - 1)));
  }
}

/// Everything in a flat buffer of a table's layout, by name: parameters, gradients or an optimiser's moments.
template <element T, backend B>
host_parameters<T> export_flat(B const& b, parameter_table const& table, tensor_view<T const, 1, B> flat) {
  host_parameters<T> all;
  for (parameter_entry const& entry : table.entries()) {
    host_parameter<T> one{entry.shape, std::vector<T>(static_cast<std::size_t>(entry.size))};
    download(b, flat.rows(entry.offset, entry.size), std::span<T>(one.values));
    all.emplace(entry.name, std::move(one));
  }
  return all;
}

/// Throws argument_error unless `all` has exactly the table's names with their shapes.
template <element T>
void expect_same_parameters(char const* op, parameter_table const& table, host_parameters<T> const& all, location at) {
  for (auto const& [name, values] : all) expect(table.contains(name), op, "the network has no parameter " + name, at);
  for (parameter_entry const& entry : table.entries()) {
    auto const found = all.find(entry.name);
    expect(found != all.end(), op, "parameter " + entry.name + " is missing", at);
    expect(found->second.shape == entry.shape && static_cast<index_t>(found->second.values.size()) == entry.size, op,
           "parameter " + entry.name + " has another shape than the network's", at);
  }
}

/// The reverse of export_flat. Throws argument_error unless `all` has exactly the table's names with their shapes.
template <element T, backend B>
void import_flat(B const& b, parameter_table const& table, host_parameters<T> const& all, tensor_view<T, 1, B> flat,
                 location at = location::current()) {
  expect_same_parameters("import_flat", table, all, at);
  for (parameter_entry const& entry : table.entries())
    upload(b, std::span<T const>(all.at(entry.name).values), flat.rows(entry.offset, entry.size), at);
}

/// Owns the parameters, and what training needs beside them once it is asked for. Move-only.
///
/// A network that computes in a 16-bit type is trained on master weights in float, of which `values` are the rounded
/// copy. The host sees float then: what it writes goes to both, what it reads are the masters where they exist.
template <floating T, backend B>
class parameters {
 public:
  using gradient_type = acc_t<T>;
  using master_type = acc_t<T>;

  parameters() = default;

  /// All zero.
  parameters(B const& b, parameter_table table, location at = location::current())
      : table_(std::move(table)), values_(b, shape{table_.size()}, at) {
    fill(b, values_, 0, at);
  }

  parameter_table const& table() const { return table_; }

  /// Sets every parameter by its rule; see initial_values.
  void initialise(B const& b, std::uint64_t seed) {
    std::vector<master_type> host;
    for (std::size_t number = 0; number < table_.entries().size(); ++number) {
      parameter_entry const& entry = table_.entries()[number];
      for_each_part(entry, [&](index_t first, index_t count) {
        host.resize(static_cast<std::size_t>(count));
        initial_values(entry, number, seed, first, std::span(host));
        write_part(b, entry.offset + first, host);
      });
    }
  }

  /// What the network computes with.
  tensor_view<T, 1, B> values() { return values_; }
  tensor_view<T const, 1, B> values() const { return values_; }

  /// Allocates the gradients, all zero, and the masters where they are of another type; does nothing where they exist.
  void require_gradients(B const& b) {
    if (gradients_.size() != 0 || table_.size() == 0) return;
    gradients_ = tensor<gradient_type, 1, B>(b, shape{table_.size()});
    zero_gradients(b);
    if constexpr (has_masters) {
      tensor<master_type, 1, B> masters(b, shape{table_.size()});
      fill(b, masters, 0);
      for (parameter_entry const& entry : table_.entries())
        for_each_part(entry, [&](index_t first, index_t count) {
          std::vector<T> rounded(static_cast<std::size_t>(count));
          download(b, values_.view().rows(entry.offset + first, count), std::span<T>(rounded));
          std::vector<master_type> const host(rounded.begin(), rounded.end());
          upload(b, std::span<master_type const>(host), masters.view().rows(entry.offset + first, count));
        });
      masters_ = std::move(masters);
    }
  }
  void zero_gradients(B const& b) { fill(b, gradients(), 0); }

  /// Throws argument_error before require_gradients.
  tensor_view<gradient_type, 1, B> gradients(location at = location::current()) {
    expect(gradients_.size() == table_.size(), "parameters", "no gradients: call require_gradients first", at);
    return gradients_;
  }

  /// What an optimiser updates: `values` themselves where T is float or double. Throws argument_error before
  /// require_gradients where they are apart; who changes them then brings `values` up to date.
  tensor_view<master_type, 1, B> masters(location at = location::current()) {
    if constexpr (has_masters) {
      expect(masters_.size() == table_.size(), "parameters", "no master weights: call require_gradients first", at);
      return masters_;
    } else {
      return values_;
    }
  }

  tensor_view<T const, 1, B> vector(std::size_t number) const {
    parameter_entry const& entry = table_.entries()[number];
    return values_.view().rows(entry.offset, entry.size);
  }
  /// First extent by the product of the others.
  tensor_view<T const, 2, B> matrix(std::size_t number) const {
    return vector(number).reshape(matrix_shape(table_.entries()[number]));
  }
  tensor_view<gradient_type, 1, B> vector_gradient(std::size_t number) {
    parameter_entry const& entry = table_.entries()[number];
    return gradients().rows(entry.offset, entry.size);
  }
  tensor_view<gradient_type, 2, B> matrix_gradient(std::size_t number) {
    return vector_gradient(number).reshape(matrix_shape(table_.entries()[number]));
  }

  std::vector<master_type> read(B const& b, std::string_view name) const { return read(b, table_.at(name)); }
  void write(B const& b, std::string_view name, std::span<master_type const> host, location at = location::current()) {
    write(b, table_.at(name, at), host, at);
  }
  std::vector<gradient_type> read_gradient(B const& b, std::string_view name) {
    parameter_entry const& entry = table_.at(name);
    std::vector<gradient_type> host(static_cast<std::size_t>(entry.size));
    download(b, gradients().rows(entry.offset, entry.size), std::span<gradient_type>(host));
    return host;
  }

  host_parameters<master_type> export_all(B const& b) const {
    host_parameters<master_type> all;
    for (parameter_entry const& entry : table_.entries())
      all.emplace(entry.name, host_parameter<master_type>{entry.shape, read(b, entry)});
    return all;
  }
  /// Throws argument_error unless `all` has exactly this network's parameters, in their shapes.
  void import_all(B const& b, host_parameters<master_type> const& all, location at = location::current()) {
    expect_same_parameters("import_all", table_, all, at);
    for (parameter_entry const& entry : table_.entries()) write(b, entry, all.at(entry.name).values, at);
  }

 private:
  static shape<2> matrix_shape(parameter_entry const& entry) {
    return {entry.shape.front(), entry.size / entry.shape.front()};
  }

  static constexpr bool has_masters = !std::same_as<T, master_type>;

  std::vector<master_type> read(B const& b, parameter_entry const& entry) const {
    std::vector<master_type> host(static_cast<std::size_t>(entry.size));
    if constexpr (has_masters) {
      if (masters_.size() == 0) {
        std::vector<T> rounded(host.size());
        download(b, values_.view().rows(entry.offset, entry.size), std::span<T>(rounded));
        std::copy(rounded.begin(), rounded.end(), host.begin());
      } else {
        download(b, masters_.view().rows(entry.offset, entry.size), std::span<master_type>(host));
      }
    } else {
      download(b, values_.view().rows(entry.offset, entry.size), std::span<T>(host));
    }
    return host;
  }

  /// Large parameters pass through the host in parts, so that no second copy of one is ever held.
  template <class Part>
  static void for_each_part(parameter_entry const& entry, Part part) {
    constexpr index_t most = index_t{1} << 16;
    for (index_t first = 0; first < entry.size; first += most) part(first, (std::min)(most, entry.size - first));
  }

  void write(B const& b, parameter_entry const& entry, std::span<master_type const> host,
             location at = location::current()) {
    expect(static_cast<index_t>(host.size()) == entry.size, "parameters",
           "parameter " + entry.name + " has " + std::to_string(entry.size) + " values, found " +
               std::to_string(host.size()),
           at);
    for_each_part(entry, [&](index_t first, index_t count) {
      write_part(b, entry.offset + first,
                 host.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    });
  }

  void write_part(B const& b, index_t offset, std::span<master_type const> host) {
    index_t const count = static_cast<index_t>(host.size());
    if constexpr (has_masters) {
      std::vector<T> rounded;
      rounded.reserve(host.size());
      for (master_type const value : host) rounded.push_back(T(value));
      upload(b, std::span<T const>(rounded), values_.view().rows(offset, count));
      if (masters_.size() != 0) upload(b, host, masters_.view().rows(offset, count));
    } else {
      upload(b, host, values_.view().rows(offset, count));
    }
  }

  parameter_table table_;
  tensor<T, 1, B> values_;
  tensor<master_type, 1, B> masters_;  // empty where they are values_
  tensor<gradient_type, 1, B> gradients_;
};

}  // namespace scale
