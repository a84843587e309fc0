// SPDX-License-Identifier: Apache-2.0
// xenstore messages: encode, decode, and reassembly from a byte stream.
#pragma once

#include <xenpp/abi/io/xs_wire.hpp>
#include <xenpp/base/errc.hpp>
#include <xenpp/base/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::store {

/// What a message asks or answers. A value off the wire may be none of the enumerators.
using op = abi::xsd_sockmsg_type;

inline constexpr std::size_t header_size = sizeof(abi::xsd_sockmsg);
inline constexpr std::size_t payload_max = abi::xenstore_payload_max;

/// One message. A reply carries the `req_id` and `tx_id` of its request; an event carries zeros.
struct message {
    op type = op::invalid;
    std::uint32_t req_id = 0;
    std::uint32_t tx_id = 0;
    std::string payload;

    friend bool operator==(message const&, message const&) = default;
};

/// The bytes of `m`. The payload must not exceed `payload_max`.
std::string encode(message const& m);

/// The first message in `bytes`: nothing if it is incomplete, `errc::toobig` if its header
/// announces more than `payload_max`. `used` receives how many bytes it took.
expected<std::optional<message>, errc> decode(std::string_view bytes, std::size_t& used);

/// Cuts a byte stream into messages. Bytes go in as they arrive, whole messages come out.
class assembler {
public:
    void feed(std::string_view bytes);
    /// The next whole message, nothing if more bytes are needed, or `errc::toobig` for ever after
    /// a header that announces too much: the stream is then lost.
    expected<std::optional<message>, errc> next();

    /// Bytes fed and not yet handed out.
    std::size_t pending() const noexcept { return bytes_.size() - begin_; }

private:
    std::string bytes_;
    std::size_t begin_ = 0;
};

/// The protocol's word for an error ("ENOENT"). A code the protocol does not know is "EINVAL".
std::string error_name(errc e);
/// The error that the protocol's word stands for; an unknown word is `errc::inval`.
errc error_from_name(std::string_view name);

/// The strings of a payload in which each ends with a NUL; nothing if the last one does not.
std::optional<std::vector<std::string_view>> split_strings(std::string_view payload);

} // namespace xenpp::store
