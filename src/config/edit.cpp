// SPDX-License-Identifier: Apache-2.0
// Edits as replacements of byte ranges that the parser found.
#include <xenpp/config/edit.hpp>
#include <xenpp/config/parse.hpp>

#include <algorithm>

namespace xenpp::config {
namespace {

struct replacement {
    std::size_t begin;
    std::size_t end;
    std::string text;
};

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

class editor {
public:
    static expected<editor, diagnostics> open(std::string_view text) {
        auto parsed = parse(text, "text");
        if (parsed.diagnostics.has_errors()) {
            return unexpected(std::move(parsed.diagnostics));
        }
        return editor(text, std::move(parsed.ast));
    }

    std::vector<setting const*> of(std::string_view key) const {
        std::vector<setting const*> out;
        for (auto const& s : ast_.settings) {
            if (s.key == key) {
                out.push_back(&s);
            }
        }
        return out;
    }

    void replace(source_span where, std::string text) {
        changes_.push_back({where.begin, where.end, std::move(text)});
    }

    void insert(std::size_t at, std::string text) { changes_.push_back({at, at, std::move(text)}); }

    /// The setting and, if nothing else stands there, its lines.
    void remove(setting const& s) {
        std::size_t begin = s.key_span.begin;
        std::size_t end = s.value.span.end;
        std::size_t const line = begin == 0 ? 0 : body().rfind('\n', begin - 1) + 1;
        std::size_t const newline = std::min(body().find('\n', end), body().size());
        auto const before = body().substr(line, begin - line);
        auto const behind = body().substr(end, newline - end);
        std::size_t const mark = behind.find_first_not_of(" \t\r");
        bool const ends_line = mark == std::string_view::npos || behind[mark] == '#';
        if (before.find_first_not_of(" \t") == std::string_view::npos && ends_line) {
            begin = line;
            end = std::min(newline + 1, body().size());
        } else if (mark != std::string_view::npos && behind[mark] == ';') {
            end += mark + 1;
        } else if (std::size_t const separator = before.rfind(';');
                   separator != std::string_view::npos) {
            begin = line + separator;
        }
        changes_.push_back({begin, end, {}});
    }

    void append_line(std::string const& line) {
        bool const is_open = !body().empty() && body().back() != '\n';
        insert(body().size(), (is_open ? "\n" : "") + line + "\n");
    }

    std::string finish() {
        std::stable_sort(
            changes_.begin(), changes_.end(),
            [](replacement const& a, replacement const& b) { return a.begin < b.begin; });
        std::string out(mark_);
        std::size_t at = 0;
        for (auto const& c : changes_) {
            if (c.begin < at) {
                continue; // within what is removed already
            }
            out += body().substr(at, c.begin - at);
            out += c.text;
            at = c.end;
        }
        return out += body().substr(at);
    }

private:
    editor(std::string_view text, file ast)
        : ast_(std::move(ast))
        , mark_(text.starts_with(byte_order_mark) ? byte_order_mark : std::string_view()) {}

    std::string_view body() const { return ast_.sources.front().text; }

    file ast_;
    std::string_view mark_;
    std::vector<replacement> changes_;
};

void change_value(editor& e, value const& from, value const& to);

/// Takes the items from `first` up to `last` out, with the commas and blanks that they leave.
void remove_items(editor& e, std::vector<value> const& items, std::size_t first, std::size_t last) {
    source_span gap = items[first].span;
    if (last < items.size()) {
        gap.end = items[last].span.begin;
    } else {
        gap.begin = first == 0 ? gap.begin : items[first - 1].span.end;
        gap.end = items.back().span.end;
    }
    e.replace(gap, {});
}

void change_list(editor& e, value const& from, value const& to) {
    auto const& old = from.list();
    auto const& now = to.list();
    if (old.empty() || now.empty()) {
        e.replace(from.span, print(to));
        return;
    }
    std::size_t const least = std::min(old.size(), now.size());
    std::size_t same = 0;
    while (same < least && old[same] == now[same]) {
        ++same;
    }
    std::size_t tail = 0;
    while (tail < least - same && old[old.size() - 1 - tail] == now[now.size() - 1 - tail]) {
        ++tail;
    }
    std::size_t const in_place = std::min(old.size(), now.size()) - same - tail;
    for (std::size_t i = same; i < same + in_place; ++i) {
        change_value(e, old[i], now[i]);
    }
    std::string added;
    for (std::size_t i = same + in_place; i < now.size() - tail; ++i) {
        std::size_t const is_first = same + in_place == 0;
        added += is_first ? print(now[i]) + ", " : ", " + print(now[i]);
    }
    if (!added.empty()) {
        std::size_t const at = same + in_place;
        e.insert(at == 0 ? old.front().span.begin : old[at - 1].span.end, std::move(added));
    }
    if (same + in_place < old.size() - tail) {
        remove_items(e, old, same + in_place, old.size() - tail);
    }
}

void change_value(editor& e, value const& from, value const& to) {
    if (from == to) {
        return;
    }
    if (from.is_list() && to.is_list()) {
        change_list(e, from, to);
    } else {
        e.replace(from.span, print(to));
    }
}

} // namespace

expected<std::string, diagnostics>
set_key(std::string_view text, std::string_view key, value const& to) {
    auto e = XENPP_TRY(editor::open(text));
    auto const settings = e.of(key);
    auto const last_set = std::find_if(settings.rbegin(), settings.rend(),
                                       [](setting const* s) { return s->op == assign_op::set; });
    if (settings.empty()) {
        e.append_line(std::string(key) + " = " + print(to));
        return e.finish();
    }
    // What is kept is the last `=`, or the first `+=` where there is none.
    setting const* const kept = last_set == settings.rend() ? settings.front() : *last_set;
    for (auto const* s : settings) {
        if (s != kept) {
            e.remove(*s);
        }
    }
    change_value(e, kept->value, to);
    return e.finish();
}

expected<std::string, diagnostics> remove_key(std::string_view text, std::string_view key) {
    auto e = XENPP_TRY(editor::open(text));
    for (auto const* s : e.of(key)) {
        e.remove(*s);
    }
    return e.finish();
}

} // namespace xenpp::config
