// SPDX-License-Identifier: Apache-2.0
#pragma once
// TimeSformer's and SVT's tensors: what load_weights has to find, and how their files and those of `transformers` name
// it.

#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/names.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// Names as in the original code of both. `table` is the grid of the learnt positions.
inline std::vector<weight_spec> timesformer_weights(vit_size const& s, patch_grid const& table) {
  std::vector<weight_spec> specs = {{"cls_token", {1, 1, s.width}},
                                    {"pos_embed", {1, 1 + table.places(), s.width}},
                                    {"time_embed", {1, table.t, s.width}}};
  add_weight_spec(specs, "patch_embed.proj.weight", {s.width, 3, s.patch, s.patch});
  specs.push_back({"patch_embed.proj.bias", {s.width}});
  for (index_t i = 0; i < s.depth; ++i) {
    std::string const name = "blocks." + std::to_string(i) + ".";
    add_norm_specs(specs, name + "norm1", s.width);
    add_linear_specs(specs, name + "attn.qkv", s.width, 3 * s.width);
    add_linear_specs(specs, name + "attn.proj", s.width, s.width);
    add_norm_specs(specs, name + "temporal_norm1", s.width);
    add_linear_specs(specs, name + "temporal_attn.qkv", s.width, 3 * s.width);
    add_linear_specs(specs, name + "temporal_attn.proj", s.width, s.width);
    specs.push_back({name + "temporal_fc.weight", {s.width, s.width}});  // starts at zero
    specs.push_back({name + "temporal_fc.bias", {s.width}});
    add_mlp_specs(specs, name, s);
  }
  add_norm_specs(specs, "norm", s.width);
  return specs;
}

namespace detail {

inline constexpr vit_name timesformer_outside[] = {
    {"cls_token", "timesformer.embeddings.cls_token"},
    {"pos_embed", "timesformer.embeddings.position_embeddings"},
    {"time_embed", "timesformer.embeddings.time_embeddings"},
    {"patch_embed.proj.weight", "timesformer.embeddings.patch_embeddings.projection.weight"},
    {"patch_embed.proj.bias", "timesformer.embeddings.patch_embeddings.projection.bias"},
    {"norm.weight", "timesformer.layernorm.weight"},
    {"norm.bias", "timesformer.layernorm.bias"},
};

inline constexpr vit_name timesformer_block[] = {
    {"norm1.weight", "layernorm_before.weight"},
    {"norm1.bias", "layernorm_before.bias"},
    {"attn.qkv.weight", "attention.attention.qkv.weight"},
    {"attn.qkv.bias", "attention.attention.qkv.bias"},
    {"attn.proj.weight", "attention.output.dense.weight"},
    {"attn.proj.bias", "attention.output.dense.bias"},
    {"temporal_norm1.weight", "temporal_layernorm.weight"},
    {"temporal_norm1.bias", "temporal_layernorm.bias"},
    {"temporal_attn.qkv.weight", "temporal_attention.attention.qkv.weight"},
    {"temporal_attn.qkv.bias", "temporal_attention.attention.qkv.bias"},
    {"temporal_attn.proj.weight", "temporal_attention.output.dense.weight"},
    {"temporal_attn.proj.bias", "temporal_attention.output.dense.bias"},
    {"temporal_fc.weight", "temporal_dense.weight"},
    {"temporal_fc.bias", "temporal_dense.bias"},
    {"norm2.weight", "layernorm_after.weight"},
    {"norm2.bias", "layernorm_after.bias"},
    {"mlp.fc1.weight", "intermediate.dense.weight"},
    {"mlp.fc1.bias", "intermediate.dense.bias"},
    {"mlp.fc2.weight", "output.dense.weight"},
    {"mlp.fc2.bias", "output.dense.bias"},
};

inline constexpr std::string_view timesformer_prefixes[] = {"module.backbone.", "backbone.", "module.", "model."};
inline constexpr std::string_view timesformer_original_surplus[] = {"head.weight",
                                                                    "head.bias",
                                                                    "head.mlp.0.weight",
                                                                    "head.mlp.0.bias",
                                                                    "head.mlp.2.weight",
                                                                    "head.mlp.2.bias",
                                                                    "head.mlp.4.weight",
                                                                    "head.mlp.4.bias",
                                                                    "head.last_layer.weight_g",
                                                                    "head.last_layer.weight_v"};
inline constexpr std::string_view timesformer_transformers_surplus[] = {"classifier.weight", "classifier.bias"};

}  // namespace detail

/// The naming of `transformers`.
inline constexpr vit_name_table timesformer_transformers_names{"timesformer.", detail::timesformer_outside,
                                                               "timesformer.encoder.layer.", detail::timesformer_block};

/// The original naming, and that of `transformers`. Classifier and projection head are surplus. A file with both
/// networks of a self-distillation holds the wanted one as "teacher".
inline std::vector<weight_naming> timesformer_namings() {
  return {
      {.name = "TimeSformer",
       .prefixes = {"backbone.", "", "model.", "module.", "module.backbone."},
       .surplus =
           [](std::string_view name) {
             return vit_surplus{detail::timesformer_original_surplus}.contains(
                 without_prefix(name, detail::timesformer_prefixes));
           },
       .groups = {"teacher", "student", "model_state"}},
      {.name = "transformers",
       .place = [](std::string_view name) { return vit_place(timesformer_transformers_names, name); },
       .surplus =
           [](std::string_view name) { return vit_surplus{detail::timesformer_transformers_surplus}.contains(name); }}};
}

}  // namespace scale
