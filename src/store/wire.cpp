// SPDX-License-Identifier: Apache-2.0
// The byte layout of xenstore messages.
#include <xenpp/store/wire.hpp>

#include <array>
#include <cstring>

namespace xenpp::store {

std::string encode(message const& m) {
    abi::xsd_sockmsg const header{
        static_cast<std::uint32_t>(m.type),
        m.req_id,
        m.tx_id,
        static_cast<std::uint32_t>(m.payload.size()),
    };
    std::string out(header_size, '\0');
    std::memcpy(out.data(), &header, header_size);
    out += m.payload;
    return out;
}

expected<std::optional<message>, errc> decode(std::string_view bytes, std::size_t& used) {
    used = 0;
    if (bytes.size() < header_size) {
        return std::optional<message>{};
    }
    abi::xsd_sockmsg header;
    std::memcpy(&header, bytes.data(), header_size);
    if (header.len > payload_max) {
        return unexpected(errc::toobig);
    }
    if (bytes.size() - header_size < header.len) {
        return std::optional<message>{};
    }
    used = header_size + header.len;
    return std::optional(message{
        static_cast<op>(header.type),
        header.req_id,
        header.tx_id,
        std::string(bytes.substr(header_size, header.len)),
    });
}

void assembler::feed(std::string_view bytes) {
    // Handed-out bytes are dropped once they outweigh the rest, so feeding stays linear.
    if (begin_ > bytes_.size() / 2) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    bytes_ += bytes;
}

expected<std::optional<message>, errc> assembler::next() {
    std::size_t used = 0;
    auto found = decode(std::string_view(bytes_).substr(begin_), used);
    begin_ += used;
    return found;
}

namespace {

// The order of xs_wire.h's xsd_errors.
constexpr std::array protocol_errors{
    errc::inval, errc::acces,  errc::exist,    errc::isdir, errc::noent, errc::nomem,
    errc::nospc, errc::io,     errc::notempty, errc::nosys, errc::rofs,  errc::busy,
    errc::again, errc::isconn, errc::toobig,   errc::perm,
};

} // namespace

std::string error_name(errc e) {
    for (errc known : protocol_errors) {
        if (known == e) {
            return "E" + std::string(name(e));
        }
    }
    return "EINVAL";
}

errc error_from_name(std::string_view text) {
    for (errc known : protocol_errors) {
        if (text.size() > 1 && text[0] == 'E' && text.substr(1) == name(known)) {
            return known;
        }
    }
    return errc::inval;
}

std::optional<std::vector<std::string_view>> split_strings(std::string_view payload) {
    std::vector<std::string_view> out;
    while (!payload.empty()) {
        auto const end = payload.find('\0');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        out.push_back(payload.substr(0, end));
        payload.remove_prefix(end + 1);
    }
    return out;
}

} // namespace xenpp::store
