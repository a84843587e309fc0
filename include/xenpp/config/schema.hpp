// SPDX-License-Identifier: Apache-2.0
// The one table of keys: what each may hold, for which guests, and what becomes of it here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace xenpp::config {

/// What a key's value must look like. Numbers are C integer constants (base 0), quoted or not.
enum class value_kind : std::uint8_t {
    text,            ///< a string
    number,          ///< an integer between `minimum` and `maximum`
    boolean,         ///< an integer; 0 is false
    word,            ///< one of `words`
    word_or_number,  ///< one of `words`, or its index from 0 (deprecated spelling)
    word_or_boolean, ///< one of `words`, or a boolean
    text_list,       ///< a list of strings
    list_list,       ///< a list of lists of strings
    text_or_list,    ///< a string, or a list of strings
    boolean_or_list, ///< a boolean, or a list of strings
};

/// Guest kinds as a set of bits.
enum guest_set : std::uint8_t {
    guest_pv = 1,
    guest_hvm = 2,
    guest_pvh = 4,
    guest_arm = 8, ///< meaningful on Arm hosts alone
    guest_pv_pvh = guest_pv | guest_pvh,
    guest_hvm_pvh = guest_hvm | guest_pvh,
    guest_pv_hvm = guest_pv | guest_hvm,
    guest_all = guest_pv | guest_hvm | guest_pvh,
};

/// What xenpp does with a key.
enum class key_status : std::uint8_t {
    acted,       ///< it reaches `domain_config` (or `xl_config`)
    deprecated,  ///< acted upon, with a warning that names the newer key
    unsupported, ///< known, not supported yet: a warning, unless its value is `neutral`
    refused,     ///< known, not supported yet, and the guest would lack what it asks for: an error
    ignored,     ///< without meaning in Xen 4.17 too: a warning
};

/// One key.
struct key_schema {
    std::string_view key;
    value_kind kind;
    guest_set guests;
    key_status status;
    std::string_view words;        ///< separated by `|`; in the order of their numbers
    std::string_view neutral;      ///< values, separated by `|`, that ask for nothing we lack
    std::string_view default_text; ///< the effective value when absent, in words
    std::string_view doc;          ///< one sentence
    std::int64_t minimum = INT64_MIN;
    std::int64_t maximum = INT64_MAX;
    std::uint16_t since = 417; ///< the Xen release that brought the key (417: 4.17 or earlier)
};

/// The keys of xl.cfg: all 158 of Xen 4.17, and those that came later.
std::span<key_schema const> domain_schema() noexcept;
/// The keys of xl.conf: all 21 of Xen 4.17.
std::span<key_schema const> xl_schema() noexcept;
/// The keys of xlcpupool.cfg: all 4.
std::span<key_schema const> cpupool_schema() noexcept;

/// The row of `key`, or null.
key_schema const* find(std::span<key_schema const> table, std::string_view key) noexcept;

/// The index of `word` among `words` (separated by `|`), or -1.
int word_index(std::string_view words, std::string_view word) noexcept;
/// The word at `index`; empty beyond the last.
std::string_view word_at(std::string_view words, int index) noexcept;

/// "a string", "a number", ... for messages and documentation.
std::string_view to_string(value_kind k) noexcept;

} // namespace xenpp::config
