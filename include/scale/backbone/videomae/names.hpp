// SPDX-License-Identifier: Apache-2.0
#pragma once
// VideoMAE's tensors: what load_weights has to find, and how the original files and those of `transformers` name it.

#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/names.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// Where the feature comes from: the published encoders differ in their last norm.
enum class videomae_pooling {
  norm_then_mean,  // pre-trained: norm over all tokens, then their mean
  mean_then_norm,  // fine-tuned: mean over the tokens, then fc_norm
};

/// Names as in a fine-tuned original file; pre-trained ones put `encoder.` before them. The biases of q and v may not
/// be zero throughout: a popular converter loses them. Keys have no bias.
inline std::vector<weight_spec> videomae_weights(vit_size const& s, videomae_pooling pooling) {
  std::vector<weight_spec> specs;
  add_weight_spec(specs, "patch_embed.proj.weight", {s.width, 3, s.tubelet, s.patch, s.patch});
  specs.push_back({"patch_embed.proj.bias", {s.width}});
  for (index_t i = 0; i < s.depth; ++i) {
    std::string const name = "blocks." + std::to_string(i) + ".";
    add_norm_specs(specs, name + "norm1", s.width);
    add_weight_spec(specs, name + "attn.q_bias", {s.width});
    add_weight_spec(specs, name + "attn.v_bias", {s.width});
    add_weight_spec(specs, name + "attn.qkv.weight", {3 * s.width, s.width});
    add_linear_specs(specs, name + "attn.proj", s.width, s.width);
    add_mlp_specs(specs, name, s);
  }
  add_norm_specs(specs, pooling == videomae_pooling::norm_then_mean ? "norm" : "fc_norm", s.width);
  return specs;
}

namespace detail {

inline constexpr vit_name videomae_outside[] = {
    {"patch_embed.proj.weight", "videomae.embeddings.patch_embeddings.projection.weight"},
    {"patch_embed.proj.bias", "videomae.embeddings.patch_embeddings.projection.bias"},
    {"norm.weight", "videomae.layernorm.weight"},
    {"norm.bias", "videomae.layernorm.bias"},
    {"fc_norm.weight", "fc_norm.weight"},
    {"fc_norm.bias", "fc_norm.bias"},
};

inline constexpr vit_name videomae_block[] = {
    {"norm1.weight", "layernorm_before.weight"},
    {"norm1.bias", "layernorm_before.bias"},
    {"attn.q_bias", "attention.attention.q_bias"},
    {"attn.v_bias", "attention.attention.v_bias"},
    {"attn.qkv.weight", "attention.attention.query.weight", 0, 3},
    {"attn.qkv.weight", "attention.attention.key.weight", 1, 3},
    {"attn.qkv.weight", "attention.attention.value.weight", 2, 3},
    {"attn.proj.weight", "attention.output.dense.weight"},
    {"attn.proj.bias", "attention.output.dense.bias"},
    {"norm2.weight", "layernorm_after.weight"},
    {"norm2.bias", "layernorm_after.bias"},
    {"mlp.fc1.weight", "intermediate.dense.weight"},
    {"mlp.fc1.bias", "intermediate.dense.bias"},
    {"mlp.fc2.weight", "output.dense.weight"},
    {"mlp.fc2.bias", "output.dense.bias"},
};

inline constexpr std::string_view videomae_prefixes[] = {"backbone.", "module."};

inline constexpr std::string_view videomae_original_surplus[] = {
    "mask_token",          "encoder_to_decoder.weight", "decoder.norm.weight", "decoder.norm.bias",
    "decoder.head.weight", "decoder.head.bias",         "head.weight",         "head.bias"};
inline constexpr std::string_view videomae_original_decoder[] = {
    "norm1.weight",     "norm1.bias",     "attn.q_bias",  "attn.v_bias", "attn.qkv.weight",
    "attn.proj.weight", "attn.proj.bias", "norm2.weight", "norm2.bias",  "mlp.fc1.weight",
    "mlp.fc1.bias",     "mlp.fc2.weight", "mlp.fc2.bias"};

inline constexpr std::string_view videomae_transformers_surplus[] = {
    "mask_token",          "encoder_to_decoder.weight", "decoder.norm.weight", "decoder.norm.bias",
    "decoder.head.weight", "decoder.head.bias",         "classifier.weight",   "classifier.bias"};
inline constexpr std::string_view videomae_transformers_decoder[] = {"layernorm_before.weight",
                                                                     "layernorm_before.bias",
                                                                     "attention.attention.q_bias",
                                                                     "attention.attention.v_bias",
                                                                     "attention.attention.query.bias",
                                                                     "attention.attention.value.bias",
                                                                     "attention.attention.query.weight",
                                                                     "attention.attention.key.weight",
                                                                     "attention.attention.value.weight",
                                                                     "attention.output.dense.weight",
                                                                     "attention.output.dense.bias",
                                                                     "layernorm_after.weight",
                                                                     "layernorm_after.bias",
                                                                     "intermediate.dense.weight",
                                                                     "intermediate.dense.bias",
                                                                     "output.dense.weight",
                                                                     "output.dense.bias"};

}  // namespace detail

/// The naming of `transformers` up to its version 4.
inline constexpr vit_name_table videomae_transformers_names{"videomae.", detail::videomae_outside,
                                                            "videomae.encoder.layer.", detail::videomae_block};

/// The original naming, and that of `transformers`; its version 5 calls the biases query.bias and value.bias. Decoder,
/// mask token and classifier are surplus.
inline std::vector<weight_naming> videomae_namings() {
  auto const original_surplus = [](std::string_view name) {
    return vit_surplus{detail::videomae_original_surplus, "decoder.blocks.", detail::videomae_original_decoder}
        .contains(without_prefix(name, detail::videomae_prefixes));
  };
  auto const transformers_place = [](std::string_view name) -> std::optional<weight_place> {
    for (auto const& [v5, v4] : {std::pair<std::string_view, std::string_view>{".query.bias", ".q_bias"},
                                 std::pair<std::string_view, std::string_view>{".value.bias", ".v_bias"}})
      if (name.ends_with(v5))
        return vit_place(videomae_transformers_names,
                         std::string(name.substr(0, name.size() - v5.size())) + std::string(v4));
    return vit_place(videomae_transformers_names, name);
  };
  auto const transformers_surplus = [](std::string_view name) {
    return vit_surplus{detail::videomae_transformers_surplus, "decoder.decoder_layers.",
                       detail::videomae_transformers_decoder}
        .contains(name);
  };
  return {{.name = "VideoMAE",
           .prefixes = {"encoder.", "", "backbone.", "module.", "module.encoder."},
           .surplus = original_surplus,
           .groups = {"module", "model"}},
          {.name = "transformers", .place = transformers_place, .surplus = transformers_surplus}};
}

}  // namespace scale
