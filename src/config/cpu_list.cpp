// SPDX-License-Identifier: Apache-2.0
// The hand scanner of CPULIST, and sets from it.
#include <xenpp/config/cpu_list.hpp>

#include <algorithm>
#include <charconv>

namespace xenpp::config {
namespace {

class scanner {
public:
    explicit scanner(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ == text_.size(); }

    bool skip(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) {
            return false;
        }
        at_ += word.size();
        return true;
    }

    void skip_blanks() {
        while (skip(" ") || skip("\t")) {
        }
    }

    bool number(std::uint32_t& out) {
        char const* const begin = text_.data() + at_;
        auto const [end, code] = std::from_chars(begin, text_.data() + text_.size(), out);
        at_ += code == std::errc{} ? static_cast<std::size_t>(end - begin) : 0;
        return code == std::errc{} && out != cpu_term::unbounded;
    }

    unexpected<cpu_list_error> fail(std::string reason) const {
        return unexpected(cpu_list_error{at_, std::move(reason)});
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

expected<cpu_term, cpu_list_error> parse_term(scanner& in) {
    cpu_term term;
    term.is_removed = in.skip("^");
    term.is_node = in.skip("nodes:") || in.skip("node:");
    if (in.skip("all")) {
        if (term.is_removed) {
            return in.fail("`^` cannot remove `all`");
        }
        term.last = cpu_term::unbounded;
        return term;
    }
    in.skip_blanks();
    if (!in.number(term.first)) {
        return in.fail(term.is_node ? "expected a node number or `all`"
                                    : "expected a CPU number, a range, `all` or `node:`");
    }
    term.last = term.first;
    if (in.skip("-") && !in.number(term.last)) {
        return in.fail("expected a number behind `-`");
    }
    if (term.last < term.first) {
        return in.fail("a range ends before it begins");
    }
    return term;
}

} // namespace

expected<cpu_list, cpu_list_error> parse_cpu_list(std::string_view text) {
    cpu_list list;
    scanner in(text);
    while (!in.at_end()) {
        in.skip_blanks();
        if (in.at_end() || in.skip(",")) {
            continue;
        }
        list.push_back(XENPP_TRY(parse_term(in)));
        in.skip_blanks();
        if (!in.at_end() && !in.skip(",")) {
            return in.fail("expected `,` between two terms");
        }
    }
    if (std::all_of(list.begin(), list.end(), [](cpu_term const& t) { return t.is_removed; })) {
        return in.fail("the list names no CPU");
    }
    return list;
}

std::string print(cpu_list const& list) {
    std::string out;
    for (auto const& term : list) {
        out += out.empty() ? "" : ",";
        out += term.is_removed ? "^" : "";
        out += term.is_node ? (term.last > term.first ? "nodes:" : "node:") : "";
        if (term.last == cpu_term::unbounded) {
            out += "all";
            continue;
        }
        out += std::to_string(term.first);
        if (term.last > term.first) {
            out += '-' + std::to_string(term.last);
        }
    }
    return out.empty() ? "all" : out;
}

std::vector<bool> evaluate(cpu_list const& list, std::span<std::uint32_t const> node_of_cpu) {
    std::vector<bool> set(node_of_cpu.size(), list.empty());
    for (auto const& term : list) {
        for (std::size_t cpu = 0; cpu < set.size(); ++cpu) {
            std::size_t const place = term.is_node ? node_of_cpu[cpu] : cpu;
            if (place >= term.first && place <= term.last) {
                set[cpu] = !term.is_removed;
            }
        }
    }
    return set;
}

} // namespace xenpp::config
