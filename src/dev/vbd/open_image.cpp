// SPDX-License-Identifier: Apache-2.0
// Choosing among the kinds of images.
#include <dev/vbd/open_image.hpp>
#include <unistd.h>

#include <cerrno>

namespace xenpp::dev::detail {

result<std::unique_ptr<block_image>> image_source::open(vbd_config const& config,
                                                        std::function<void()> opened) {
    constexpr std::string_view operation = "open disk image";
    bool const is_uri = is_nbd_uri(config.target);
    if (config.format == disk_format::empty || config.target.empty()) {
        return fail(operation, ENOMEDIUM,
                    "a drive without a medium is not supported; name an image");
    }
    if (config.format == disk_format::raw && !is_uri) {
        return open_raw_image(config);
    }
    if (!under_way_) {
        // qemu-nbd's own words would be about a file of its own making.
        if (!is_uri &&
            ::access(config.target.c_str(), config.is_read_only ? R_OK : R_OK | W_OK) != 0) {
            return fail(operation, errno, config.target);
        }
        if (is_uri && config.format != disk_format::raw) {
            return fail(operation, EINVAL,
                        config.target + ": an NBD server speaks of plain bytes; leave out format=");
        }
        under_way_ = std::make_unique<nbd_opening>(config, services_, std::move(opened));
    }
    auto image = under_way_->take();
    if (!image || *image) {
        under_way_.reset();
    }
    return image;
}

} // namespace xenpp::dev::detail
