// SPDX-License-Identifier: Apache-2.0
// Checksums and segments, done here.
#include <xenpp/dev/vif/finished_frame.hpp>
#include <xenpp/dev/vif/packet.hpp>

#include <algorithm>

namespace xenpp::dev {

void frame_finisher::finish(frame const& f,
                            std::function<void(std::span<std::byte const>)> const& each) {
    if (!f.is_checksum_blank && f.gso == gso_type::none) {
        each(f.bytes);
        return;
    }
    auto const h = read_headers(f.bytes);
    if (!h || h->checksum == 0 || (f.gso != gso_type::none && !is_valid_gso(f, *h))) {
        return;
    }
    if (f.gso == gso_type::none) {
        bytes_.assign(f.bytes.begin(), f.bytes.end());
        fill_checksum(bytes_, *h);
        each(bytes_);
    } else {
        bytes_.resize(size_of_segments(f, *h));
        cut_into_segments(f, *h, bytes_, each);
    }
}

} // namespace xenpp::dev
