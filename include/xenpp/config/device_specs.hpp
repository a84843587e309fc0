// SPDX-License-Identifier: Apache-2.0
// The items of the keys that list devices: each a structure, from text and back.
#pragma once

#include <xenpp/base/expected.hpp>
#include <xenpp/config/value_error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::config {

// An absent member leaves the choice to the toolstack. The numbers of the enumerations are the
// order of their words.

enum class usb_controller_type : std::uint8_t {
    automatic,
    pv,
    qusb,
    devicemodel,
};

/// An item of `usbctrl`.
struct usbctrl_spec {
    std::optional<usb_controller_type> type;
    std::optional<std::uint32_t> version; ///< of USB: 1 to 3
    std::optional<std::uint32_t> ports;   ///< 1 to 31

    friend bool operator==(usbctrl_spec const&, usbctrl_spec const&) = default;
};

/// An item of `usbdev`: one device of the host.
struct usbdev_spec {
    std::optional<std::uint32_t> hostbus;
    std::optional<std::uint32_t> hostaddr;
    std::optional<std::uint32_t> controller;
    std::optional<std::uint32_t> port;

    friend bool operator==(usbdev_spec const&, usbdev_spec const&) = default;
};

enum class channel_connection : std::uint8_t {
    pty,
    socket,
};

/// An item of `channel`: a named byte stream to the host.
struct channel_spec {
    std::string name;
    std::optional<channel_connection> connection;
    std::string path; ///< of the socket
    std::string backend;

    friend bool operator==(channel_spec const&, channel_spec const&) = default;
};

/// An item of `vtpm`.
struct vtpm_spec {
    std::string backend;
    std::string uuid;

    friend bool operator==(vtpm_spec const&, vtpm_spec const&) = default;
};

enum class p9_security_model : std::uint8_t {
    none,
};

/// An item of `p9`: a directory of the host.
struct p9_spec {
    std::string tag;
    std::string path;
    std::optional<p9_security_model> security_model;
    std::string backend;

    friend bool operator==(p9_spec const&, p9_spec const&) = default;
};

/// An item of `pvcalls`.
struct pvcalls_spec {
    std::string backend;

    friend bool operator==(pvcalls_spec const&, pvcalls_spec const&) = default;
};

/// An item of `vfb`: a virtual framebuffer.
struct vfb_spec {
    std::optional<bool> vnc;
    std::string vnclisten;
    std::string vncpasswd;
    std::optional<std::uint32_t> vncdisplay;
    std::optional<bool> vncunused;
    std::string keymap;
    std::optional<bool> sdl;
    std::optional<bool> opengl;
    std::string display;
    std::string xauthority;

    friend bool operator==(vfb_spec const&, vfb_spec const&) = default;
};

enum class vkb_backend : std::uint8_t {
    qemu,
    linux_input,
};

/// An item of `vkb`: a virtual keyboard and pointer.
struct vkb_spec {
    std::string unique_id;
    std::string backend;
    std::optional<vkb_backend> backend_type;
    std::optional<bool> feature_disable_keyboard;
    std::optional<bool> feature_disable_pointer;
    std::optional<bool> feature_abs_pointer;
    std::optional<bool> feature_raw_pointer;
    std::optional<bool> feature_multi_touch;
    std::optional<std::uint32_t> multi_touch_width;
    std::optional<std::uint32_t> multi_touch_height;
    std::optional<std::uint32_t> multi_touch_num_contacts;
    std::optional<std::uint32_t> width;
    std::optional<std::uint32_t> height;

    friend bool operator==(vkb_spec const&, vkb_spec const&) = default;
};

/// One screen of a virtual display.
struct vdispl_connector {
    std::string id;
    std::uint32_t width = 0;
    std::uint32_t height = 0;

    friend bool operator==(vdispl_connector const&, vdispl_connector const&) = default;
};

/// An item of `vdispl`.
struct vdispl_spec {
    std::string backend;
    std::optional<bool> be_alloc; ///< the backend allocates the buffers
    std::vector<vdispl_connector> connectors;

    friend bool operator==(vdispl_spec const&, vdispl_spec const&) = default;
};

/// What a sound card, one of its devices, or one stream can do.
struct vsnd_params {
    std::vector<std::uint32_t> sample_rates;
    std::vector<std::string> sample_formats; ///< names of xenbus: "s16_le"
    std::optional<std::uint32_t> channels_min;
    std::optional<std::uint32_t> channels_max;
    std::optional<std::uint32_t> buffer_size;

    friend bool operator==(vsnd_params const&, vsnd_params const&) = default;
};

enum class vsnd_direction : std::uint8_t {
    playback,
    capture,
};

struct vsnd_stream {
    std::string unique_id;
    std::optional<vsnd_direction> type;
    vsnd_params params;

    friend bool operator==(vsnd_stream const&, vsnd_stream const&) = default;
};

struct vsnd_pcm {
    std::string name;
    vsnd_params params;
    std::vector<vsnd_stream> streams;

    friend bool operator==(vsnd_pcm const&, vsnd_pcm const&) = default;
};

/// An item of `vsnd`: one card, with the PCM devices and streams that the strings after its own
/// describe.
struct vsnd_spec {
    std::string backend;
    std::string short_name;
    std::string long_name;
    vsnd_params params;
    std::vector<vsnd_pcm> pcms;

    friend bool operator==(vsnd_spec const&, vsnd_spec const&) = default;
};

/// I/O ports `first` to `last`, as `ioports` lists them in hexadecimal.
struct ioport_range {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    friend bool operator==(ioport_range const&, ioport_range const&) = default;
};

/// Page frames of device memory, as `iomem` lists them in hexadecimal: START,COUNT[@GFN].
struct iomem_range {
    std::uint64_t start = 0;          ///< the host's frame
    std::uint64_t count = 1;          ///< frames
    std::optional<std::uint64_t> gfn; ///< the guest's frame; absent: the same

    friend bool operator==(iomem_range const&, iomem_range const&) = default;
};

/// An item of `irqs`.
struct irq_number {
    std::uint32_t number = 0;

    friend bool operator==(irq_number const&, irq_number const&) = default;
};

/// Reads one item into `to`. What cannot be done without, like a channel's name, is asked for.
expected<void, value_error> parse_spec(std::string_view text, usbctrl_spec& to);
expected<void, value_error> parse_spec(std::string_view text, usbdev_spec& to);
expected<void, value_error> parse_spec(std::string_view text, channel_spec& to);
expected<void, value_error> parse_spec(std::string_view text, vtpm_spec& to);
expected<void, value_error> parse_spec(std::string_view text, p9_spec& to);
expected<void, value_error> parse_spec(std::string_view text, pvcalls_spec& to);
expected<void, value_error> parse_spec(std::string_view text, vfb_spec& to);
expected<void, value_error> parse_spec(std::string_view text, vkb_spec& to);
expected<void, value_error> parse_spec(std::string_view text, vdispl_spec& to);
expected<void, value_error> parse_spec(std::string_view text, ioport_range& to);
expected<void, value_error> parse_spec(std::string_view text, iomem_range& to);
expected<void, value_error> parse_spec(std::string_view text, irq_number& to);

/// An item that reads as an equal structure.
std::string print(usbctrl_spec const& s);
std::string print(usbdev_spec const& s);
std::string print(channel_spec const& s);
std::string print(vtpm_spec const& s);
std::string print(p9_spec const& s);
std::string print(pvcalls_spec const& s);
std::string print(vfb_spec const& s);
std::string print(vkb_spec const& s);
std::string print(vdispl_spec const& s);
std::string print(ioport_range const& s);
std::string print(iomem_range const& s);
std::string print(irq_number const& s);

/// Adds what one string of a card's list says ("CARD, ...", "PCM, ...", "STREAM, ...") to it.
expected<void, value_error> parse_spec(std::string_view text, vsnd_spec& to);
/// The strings of a card's list.
std::vector<std::string> print(vsnd_spec const& s);

} // namespace xenpp::config
