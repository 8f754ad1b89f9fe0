// SPDX-License-Identifier: Apache-2.0
#pragma once
// V-JEPA 2's tensors: what load_weights has to find, and how the original files and those of `transformers` name it.

#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/names.hpp>
#include <scale/io/file_error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// Names as in the original code.
inline std::vector<weight_spec> vjepa2_weights(vit_size const& s) {
  std::vector<weight_spec> specs;
  add_weight_spec(specs, "patch_embed.proj.weight", {s.width, 3, s.tubelet, s.patch, s.patch});
  specs.push_back({"patch_embed.proj.bias", {s.width}});
  for (index_t i = 0; i < s.depth; ++i) {
    std::string const name = "blocks." + std::to_string(i) + ".";
    add_norm_specs(specs, name + "norm1", s.width);
    add_linear_specs(specs, name + "attn.qkv", s.width, 3 * s.width);
    add_linear_specs(specs, name + "attn.proj", s.width, s.width);
    add_mlp_specs(specs, name, s);
  }
  add_norm_specs(specs, "norm", s.width);
  return specs;
}

namespace detail {

inline constexpr vit_name vjepa2_outside[] = {
    {"patch_embed.proj.weight", "encoder.embeddings.patch_embeddings.proj.weight"},
    {"patch_embed.proj.bias", "encoder.embeddings.patch_embeddings.proj.bias"},
    {"norm.weight", "encoder.layernorm.weight"},
    {"norm.bias", "encoder.layernorm.bias"},
};

inline constexpr vit_name vjepa2_block[] = {
    {"norm1.weight", "norm1.weight"},
    {"norm1.bias", "norm1.bias"},
    {"attn.qkv.weight", "attention.query.weight", 0, 3},
    {"attn.qkv.weight", "attention.key.weight", 1, 3},
    {"attn.qkv.weight", "attention.value.weight", 2, 3},
    {"attn.qkv.bias", "attention.query.bias", 0, 3},
    {"attn.qkv.bias", "attention.key.bias", 1, 3},
    {"attn.qkv.bias", "attention.value.bias", 2, 3},
    {"attn.proj.weight", "attention.proj.weight"},
    {"attn.proj.bias", "attention.proj.bias"},
    {"norm2.weight", "norm2.weight"},
    {"norm2.bias", "norm2.bias"},
    {"mlp.fc1.weight", "mlp.fc1.weight"},
    {"mlp.fc1.bias", "mlp.fc1.bias"},
    {"mlp.fc2.weight", "mlp.fc2.weight"},
    {"mlp.fc2.bias", "mlp.fc2.bias"},
};

}  // namespace detail

/// The naming of `transformers`.
inline constexpr vit_name_table vjepa2_transformers_names{"", detail::vjepa2_outside, "encoder.layer.",
                                                          detail::vjepa2_block};

/// The original naming, and that of `transformers`. There everything that begins with predictor., pooler. or
/// classifier. is surplus: networks behind the encoder. Of an original file's two encoders the averaged one is wanted.
/// The original files carry a table `pos_embed` that the rotary network does not read: see expect_rotary.
inline std::vector<weight_naming> vjepa2_namings() {
  return {
      {.name = "V-JEPA 2",
       .prefixes = {"module.backbone.", "backbone.", "module.", ""},
       .surplus = [](std::string_view name) { return name.ends_with("pos_embed") && !name.ends_with("_pos_embed"); },
       .groups = {"target_encoder", "encoder"}},
      {.name = "transformers",
       .prefixes = {"vjepa2.", ""},
       .place = [](std::string_view name) { return vit_place(vjepa2_transformers_names, name); },
       .surplus =
           [](std::string_view name) {
             if (name.starts_with("vjepa2.")) name.remove_prefix(7);
             return name.starts_with("predictor.") || name.starts_with("pooler.") || name.starts_with("classifier.");
           }}};
}

/// Throws input_error for the weights of the first V-JEPA, whose names are the same: there the table `pos_embed` is
/// added to the tokens, and features without it would be wrong. It is told by the table's shape: it was published as
/// ViT-L and ViT-H for 16 frames of 224 x 224 and as ViT-H for 384 x 384, V-JEPA 2 in these sizes for 256 x 256 alone.
template <weight_source Source>
void expect_rotary(Source const& source) {
  struct table {
    index_t tokens, width;
  };
  constexpr table first_version[] = {{8 * 14 * 14, 1024}, {8 * 14 * 14, 1280}, {8 * 24 * 24, 1280}};
  for (stored_tensor const& tensor : source.tensors()) {
    std::string_view const name = tensor.name;
    bool const is_table = name == "pos_embed" || name.ends_with(".pos_embed") || name.ends_with("/pos_embed");
    if (!is_table || name.find("predictor") != name.npos || tensor.shape.size() != 3) continue;
    for (table const& known : first_version)
      if (tensor.shape[1] == known.tokens && tensor.shape[2] == known.width)
        refuse_file(source.path(), "'" + printable(name) + "' has " + std::to_string(known.tokens) +
                                       " positions, as the first V-JEPA has, which adds them; expected V-JEPA 2, "
                                       "whose positions are rotary");
  }
}

}  // namespace scale
