// SPDX-License-Identifier: Apache-2.0
// The bytes of journal entries.
#include <xenpp/store/change.hpp>

namespace xenpp::store {

change_writer& change_writer::number(std::uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) {
        out_ += static_cast<char>(static_cast<unsigned char>(v >> (8 * i)));
    }
    return *this;
}

change_writer& change_writer::text(std::string_view v) {
    u32(static_cast<std::uint32_t>(v.size()));
    out_ += v;
    return *this;
}

change_writer& change_writer::perms(perm_list const& v) {
    u16(static_cast<std::uint16_t>(v.size()));
    for (auto const& p : v) {
        u16(p.domain.raw()).u8(static_cast<std::uint8_t>(p.rights));
    }
    return *this;
}

std::uint64_t change_reader::number(unsigned bytes) {
    if (!is_good_ || rest_.size() < bytes) {
        is_good_ = false;
        return 0;
    }
    std::uint64_t v = 0;
    for (unsigned i = 0; i < bytes; ++i) {
        v |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    }
    rest_.remove_prefix(bytes);
    return v;
}

std::string_view change_reader::text() {
    auto const size = u32();
    if (!is_good_ || rest_.size() < size) {
        is_good_ = false;
        return {};
    }
    auto const v = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return v;
}

perm_list change_reader::perms() {
    perm_list out;
    for (auto n = u16(); n != 0 && is_good_; --n) {
        auto const domain = domid(u16());
        out.push_back(perm{domain, static_cast<access>(u8() & 3)});
    }
    is_good_ = is_good_ && !out.empty();
    return out;
}

void write_mutation(std::string& out, mutation const& m, std::uint64_t generation) {
    change_writer w(out);
    switch (m.what) {
    case mutation::kind::create: w.kind(change_kind::create).text(m.path).perms(m.perms); break;
    case mutation::kind::set_value:
        w.kind(change_kind::set_value).text(m.path).text(m.value);
        break;
    case mutation::kind::set_perms:
        w.kind(change_kind::set_perms).text(m.path).perms(m.perms);
        break;
    case mutation::kind::remove: w.kind(change_kind::remove).text(m.path); break;
    }
    w.u64(generation);
}

} // namespace xenpp::store
