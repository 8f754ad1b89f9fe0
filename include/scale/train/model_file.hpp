// SPDX-License-Identifier: Apache-2.0
#pragma once
// A pre-trained set transformer as a file: parameters under the released names, and what it must be fed with.

#include <scale/data/feature_store.hpp>
#include <scale/eval/input_kind.hpp>
#include <scale/eval/same_extraction.hpp>
#include <scale/io/json.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/nn/parameters.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/train/finite.hpp>
#include <scale/train/run_folder.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

inline constexpr std::string_view model_format = "scale-model-2";

/// Name of the tensor [features] that holds s; see input_kind. Only centred models have it.
inline constexpr std::string_view input_scale_name = "input_scale";

/// What a file says of a model beyond its parameters.
struct model_description {
  set_transformer_config config;
  input_kind input = input_kind::paper;
  std::vector<double> input_scale{};  // s [features], empty unless centred
  std::string backbone{};             // name of the feature extractor; empty where the file does not say
  std::string weights_sha256{};       // of the backbone's weights
  nlohmann::json extraction = nlohmann::json::object();  // extraction_of the store it was trained on, as far as known
  nlohmann::json run = nlohmann::json::object();         // options it was trained with, as far as known
};

namespace detail {

inline void check_features_of(model_description const& model, nlohmann::json found, index_t width,
                              std::string const& whose) {
  nlohmann::json expected = model.extraction;
  if (!model.backbone.empty()) expected["backbone"] = model.backbone;
  if (!model.weights_sha256.empty()) expected["weights_sha256"] = model.weights_sha256;
  expected["feature width"] = model.config.features;
  found["feature width"] = width;
  std::string const difference = extraction_difference(expected, found);
  if (!difference.empty())
    throw input_error(whose + ": the model was trained on other features, " + difference +
                      "; extract as for the model, or pre-train on these");
}

}  // namespace detail

/// Throws input_error where features of `backbone` (weights `weights_sha256`, `width` numbers) are not what the model
/// was trained on. What the model's file does not say is not compared.
inline void check_features(model_description const& model, std::string_view backbone, std::string_view weights_sha256,
                           index_t width) {
  detail::check_features_of(model, {{"backbone", backbone}, {"weights_sha256", weights_sha256}}, width, "features");
}

/// The same for a store, whose extraction is compared too.
inline void check_features(model_description const& model, feature_store const& store) {
  detail::check_features_of(model, store.provenance(), store.feature_width(), store.path().string());
}

/// Writes `params`, made by set_transformer_parameters(description.config), as the host sees them: a network that
/// computes in a 16-bit type leaves its master weights. Whole or not at all.
template <floating T, backend B>
void write_model(std::filesystem::path const& path, B const& b, parameters<T, B> const& params,
                 model_description const& description) {
  host_parameters<acc_t<T>> const values = params.export_all(b);
  if (std::string const name = first_not_finite(values); !name.empty())
    throw argument_error("write_model: parameter " + name + " holds a number that is not finite");
  std::vector<stored_tensor> tensors;
  for (auto const& [name, p] : values) tensors.push_back(as_stored(name, p.shape, std::span<acc_t<T> const>(p.values)));
  if (description.input == input_kind::centred) {
    expect(static_cast<index_t>(description.input_scale.size()) == description.config.features, "write_model",
           "a centred model needs input_scale, one number per feature");
    tensors.push_back(as_stored(std::string(input_scale_name), {description.config.features},
                                std::span<double const>(description.input_scale)));
  }
  nlohmann::json config = description.run;
  config["features"] = description.config.features;
  config["hidden"] = description.config.width;
  config["layers"] = description.config.layers;
  config["mlp-ratio"] = description.config.mlp_ratio;
  config["input"] = std::string(name_of(description.input));
  write_checksummed_safetensors(path, tensors,
                                {{"format", std::string(model_format)},
                                 {"config", config.dump()},
                                 {"input", std::string(name_of(description.input))},
                                 {"backbone", description.backbone},
                                 {"weights_sha256", description.weights_sha256},
                                 {"extraction", description.extraction.dump()}});
}

/// An open model file, its names and shapes checked.
class model_file {
 public:
  /// `path` is a model's file, or a run's folder with model.safetensors in it. Widths and depth come from the shapes;
  /// what the metadata say of them must agree. The heads of pre-training may be missing, all or none. Throws
  /// input_error where a tensor is missing, unknown, or of a shape that does not fit.
  explicit model_file(std::filesystem::path const& path)
      : file_(std::filesystem::is_directory(path) ? run_folder::model_file_in(path) : path) {
    infer_config();
    read_metadata();
    check_tensors();
  }

  std::filesystem::path const& path() const { return file_.path(); }
  model_description const& description() const { return description_; }
  bool has_heads() const { return description_.config.heads == pretraining_heads::present; }

  /// The configuration without heads, for inference and fine-tuning.
  set_transformer_config encoder_config() const {
    set_transformer_config config = description_.config;
    config.heads = pretraining_heads::absent;
    return config;
  }

  /// Sets every parameter of `params`, whose table may lack the heads; each value is rounded once to T. Throws
  /// input_error where the file lacks one of them, has it in another shape, or with a number that is not finite.
  template <floating T, backend B>
  void load(B const& b, parameters<T, B>& params) const {
    for (parameter_entry const& entry : params.table().entries()) {
      stored_tensor const& t = file_.at(entry.name);
      expect_stored_shape(t, entry.shape);
      std::vector<acc_t<T>> const values = to_vector<acc_t<T>>(t);
      if (!detail::all_finite(std::span<acc_t<T> const>(values)))
        refuse_file(path(), "tensor '" + printable(t.name) + "' holds a number that is not finite");
      params.write(b, entry.name, values);
    }
  }

 private:
  void expect_stored_shape(stored_tensor const& t, std::vector<index_t> const& expected) const {
    if (t.shape != expected)
      refuse_file(path(), "tensor '" + printable(t.name) + "': expected shape " + shape_text(expected) + ", found " +
                              shape_text(t.shape));
  }

  index_t extent(std::string const& name, std::size_t axis) const {
    stored_tensor const& t = file_.at(name);
    if (t.shape.size() != 2 || t.shape[axis] < 1)
      refuse_file(path(), "tensor '" + name + "': expected a matrix, found shape " + shape_text(t.shape));
    return t.shape[axis];
  }

  void infer_config() {
    set_transformer_config& c = description_.config;
    c.width = extent("input_projection.weight", 0);
    c.features = extent("input_projection.weight", 1);
    c.layers = 0;
    while (file_.find("transformer." + std::to_string(c.layers) + ".norm1.weight") != nullptr) ++c.layers;
    c.mlp_ratio = static_cast<double>(extent("transformer.0.mlp.fc1.weight", 0)) / static_cast<double>(c.width);
    c.heads = file_.find("msk_token") != nullptr ? pretraining_heads::present : pretraining_heads::absent;
    if (!has_heads()) return;
    c.pred_hidden = extent("dense_pred_head.0.weight", 0);
    c.target_hidden = extent("dense_target_head.0.weight", 0);
    c.set_dim = extent("set_head.2.weight", 0);
    c.dense_dim = extent("dense_pred_head.2.weight", 0);
  }

  void read_metadata() {
    auto const& meta = file_.metadata();
    auto const text = [&](char const* key) {
      auto const found = meta.find(key);
      return found == meta.end() ? std::string() : found->second;
    };
    std::string const format = text("format");
    if (!format.empty() && format != model_format)
      refuse_file(path(), "expected format \"" + std::string(model_format) + "\", found \"" + printable(format) + "\"");
    if (!format.empty() && !file_.has_checksums())
      refuse_file(path(), "a model of format \"" + format + "\" without checksums: damaged, or not written here");
    description_.backbone = text("backbone");
    description_.weights_sha256 = text("weights_sha256");
    if (std::string const input = text("input"); !input.empty()) {
      if (input != "paper" && input != "centred")
        refuse_file(path(), "metadata \"input\": expected paper or centred, found " + printable(input));
      description_.input = input_kind_of(input);
    }
    auto const read_object = [&](char const* key, nlohmann::json& to) {
      std::string const json = text(key);
      if (json.empty()) return false;
      to = parse_json(json, path());
      if (!to.is_object()) refuse_file(path(), "metadata \"" + std::string(key) + "\": expected a JSON object");
      return true;
    };
    read_object("extraction", description_.extraction);
    if (read_object("config", description_.run)) {
      auto const agree = [&](char const* key, index_t found) {
        if (description_.run.contains(key) && description_.run.at(key) != found)
          refuse_file(path(), "metadata \"config\" says " + std::string(key) + " " +
                                  printable(description_.run.at(key).dump(-1, ' ', true)) + ", the shapes say " +
                                  std::to_string(found));
      };
      agree("features", description_.config.features);
      agree("hidden", description_.config.width);
      agree("layers", description_.config.layers);
    }
    bool const scaled = file_.find(input_scale_name) != nullptr;
    if (scaled != (description_.input == input_kind::centred))
      refuse_file(path(), scaled ? "tensor 'input_scale' in a model whose input is not centred"
                                 : "a centred model needs the tensor 'input_scale'");
    if (!scaled) return;
    expect_stored_shape(file_.at(input_scale_name), {description_.config.features});
    description_.input_scale = file_.read<double>(input_scale_name);
    for (double const s : description_.input_scale)
      if (!(s > 0 && std::isfinite(s))) refuse_file(path(), "tensor 'input_scale': expected positive numbers");
  }

  void check_tensors() const {
    parameter_table table;
    try {
      table = parameter_table(set_transformer_parameters(description_.config));
    } catch (argument_error const& e) {
      refuse_file(path(), "its shapes are not those of a set transformer: " + std::string(e.what()));
    }
    for (parameter_entry const& entry : table.entries()) expect_stored_shape(file_.at(entry.name), entry.shape);
    for (stored_tensor const& t : file_.tensors())
      if (!table.contains(t.name) && t.name != input_scale_name)
        refuse_file(path(), "tensor '" + printable(t.name) + "' is none of a set transformer's");
  }

  safetensors_file file_;
  model_description description_;
};

}  // namespace scale
