// SPDX-License-Identifier: Apache-2.0
// Vision transformers.
#include <scale/backbone/timesformer.hpp>
#include <scale/backbone/videomae.hpp>
#include <scale/backbone/vjepa2.hpp>

#include "scale/backbones/entry.hpp"

namespace scale::program {

namespace {

template <class Kind>
struct of_videomae {
  template <class T, class B>
  using type = videomae_backbone<T, B, Kind>;

  static std::vector<weight_spec> specs() {
    return videomae_weights(Kind::size, Kind::pooling.value_or(videomae_pooling::norm_then_mean));
  }
};

template <class Kind>
struct of_divided_attention {
  template <class T, class B>
  using type = divided_attention_backbone<T, B, Kind>;

  static std::vector<weight_spec> specs() {
    timesformer_size const size;
    return timesformer_weights(size.transformer, size.table);
  }
};

template <class Kind>
struct of_vjepa2 {
  template <class T, class B>
  using type = vjepa2_backbone<T, B, Kind>;

  static std::vector<weight_spec> specs() { return vjepa2_weights(Kind::size); }
};

template <template <class> class Family, class... Kinds>
void add(std::vector<backbone_entry>& to) {
  (to.push_back(entry_of<weights_maker<Family<Kinds>>>()), ...);
}

}  // namespace

std::vector<backbone_entry> transformer_backbones() {
  std::vector<backbone_entry> entries;
  add<of_videomae, videomae_b, videomae_b_pretrained, videomae_b_finetuned, videomae_l, videomae_l_pretrained,
      videomae_l_finetuned>(entries);
  add<of_divided_attention, timesformer, svt>(entries);
  add<of_vjepa2, vjepa2_l, vjepa2_h, vjepa2_g>(entries);
  return entries;
}

}  // namespace scale::program
