// SPDX-License-Identifier: Apache-2.0
// Finding, explaining and running the commands of a table.
#include <xenpp/cli/command.hpp>
#include <xenpp/cli/documents.hpp>
#include <xenpp/config/diagnostic.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace xenpp::cli {
namespace {

constexpr std::size_t name_width = 19;   // of the list of commands
constexpr std::size_t option_width = 24; // of a command's list of options

/// "-p, --path", "    --path FILE", "-n NUM".
std::string spelling(option const& o) {
    std::string out = o.letter == 0 ? "   " : fmt::format("-{}", o.letter);
    if (!o.name.empty()) {
        out += o.letter == 0 ? " --" : ", --";
        out += o.name;
    }
    if (!o.argument.empty()) {
        out += o.name.empty() ? ' ' : '=';
        out += o.argument;
    }
    return out;
}

std::string help_line(option const& o) {
    auto const left = spelling(o);
    auto const gap = left.size() < option_width ? "" : fmt::format("\n{:{}}", "", option_width + 2);
    return fmt::format("  {:<{}}{}{}\n", left, option_width, gap, o.help);
}

/// Takes the options before the command off `words`. An error is one line for the user.
expected<global_options, std::string> take_global_options(std::span<std::string const>& words) {
    global_options out;
    for (; !words.empty() && words.front().size() > 1 && words.front()[0] == '-';
         words = words.subspan(1)) {
        for (char const letter : words.front().substr(1)) {
            switch (letter) {
            case 'v': ++out.verbose; break;
            case 'N': out.dry_run = true; break;
            case 'f': out.force = true; break;
            case 't': out.is_progress_cr = true; break;
            case 'T': out.has_timestamps = true; break;
            default: return unexpected(fmt::format("unknown global option `{}'", words.front()));
            }
        }
    }
    return out;
}

int run_help(session& s, std::span<command const> table, std::span<std::string const> operands) {
    if (operands.empty()) {
        s.print(help_text(s.program(), table));
        return exit_success;
    }
    auto const c = find_command(table, operands.front());
    if (!c) {
        return s.fail(c.error());
    }
    s.print(help_text(s.program(), **c));
    return exit_success;
}

/// Why a command without a function cannot work.
std::string missing(command const& c) {
    return c.summary.empty() ? fmt::format("command \"{}\" is not supported yet", c.name)
                             : fmt::format("{}: {}", c.name, c.summary);
}

/// How many operands are missing or too many, in words; empty if neither.
std::string operand_error(session& s, command const& c, std::size_t count) {
    auto const name =
        c.name == s.program() ? s.program() : fmt::format("{} {}", s.program(), c.name);
    if (count < c.least) {
        return fmt::format("'{}' requires at least {} argument{}.", name, c.least,
                           c.least > 1 ? "s" : "");
    }
    if (count > c.most) {
        return fmt::format("'{}' takes at most {} argument{}.", name, c.most,
                           c.most == 1 ? "" : "s");
    }
    return {};
}

/// What packagers ask for: --manual-page and --bash-completion; empty if nothing is.
std::string
document(session& s, std::span<command const> table, std::span<std::string const> words) {
    if (words.size() != 1) {
        return {};
    }
    if (words.front() == "--manual-page") {
        return manual_page(s.program(), table);
    }
    return words.front() == "--bash-completion" ? bash_completion(s.program(), table) : "";
}

int run_command(session& s, command const& c, std::span<std::string const> words) {
    if (c.run == nullptr) {
        return s.fail(missing(c));
    }
    if (s.global.dry_run && !c.can_dry_run) {
        return s.fail("command does not implement -N (dryrun) option");
    }
    auto const args = parse_arguments(c.options, words);
    if (!args) {
        s.complain(args.error());
        return exit_usage;
    }
    if (args->has("help")) {
        s.print(help_text(s.program(), c));
        return exit_success;
    }
    if (auto const wrong = operand_error(s, c, args->operands.size()); !wrong.empty()) {
        s.complain(wrong + '\n');
        s.complain(help_text(s.program(), c));
        return exit_usage;
    }
    auto const code = c.run(s, *args);
    return code ? *code : s.fail(code.error());
}

} // namespace

expected<command const*, std::string> find_command(std::span<command const> table,
                                                   std::string_view name) {
    std::vector<command const*> candidates;
    std::vector<std::string_view> names;
    for (auto const& c : table) {
        if (c.name == name) {
            return &c;
        }
        names.push_back(c.name);
        if (!name.empty() && c.name.starts_with(name)) {
            candidates.push_back(&c);
        }
    }
    if (candidates.size() == 1) {
        return candidates.front();
    }
    if (candidates.empty()) {
        auto const near = config::nearest(name, names);
        auto const advice = near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
        return unexpected(fmt::format("command \"{}\" not implemented{}", name, advice));
    }
    std::vector<std::string_view> matching;
    for (auto const* c : candidates) {
        matching.push_back(c->name);
    }
    return unexpected(
        fmt::format("command \"{}\" could be any of {}", name, fmt::join(matching, ", ")));
}

std::string help_text(std::string_view program, command const& c) {
    if (c.run == nullptr) {
        return fmt::format("{}: {}.\n", program, missing(c));
    }
    auto const usage = c.name == program
                           ? fmt::format("{} [options]", program)
                           : fmt::format("{} [-v{}tT{}] {} {}", program, c.is_modifying ? "f" : "",
                                         c.can_dry_run ? "N" : "", c.name, c.operands);
    auto out = fmt::format("Usage: {}\n\n{}.\n", usage, c.summary);
    if (!c.options.empty()) {
        out += "\nOptions:\n\n";
    }
    for (auto const& o : c.options) {
        out += help_line(o);
    }
    return out;
}

std::string help_text(std::string_view program, std::span<command const> table) {
    auto out = fmt::format("Usage {} [-vfNtT] <subcommand> [args]\n\n"
                           "{} full list of subcommands:\n\n",
                           program, program);
    for (auto const& c : table) {
        if (c.run != nullptr) {
            out += fmt::format(" {:<{}} {}\n", c.name, name_width, c.summary);
        }
    }
    out +=
        fmt::format("\n'{} help SUBCOMMAND' and '{} SUBCOMMAND -h' tell more.\n", program, program);
    return out;
}

int dispatch_one(session& s, command const& c, std::span<std::string const> words) {
    std::span<command const> const table(&c, 1);
    if (auto const text = document(s, table, words); !text.empty()) {
        s.print(text);
        return s.finish(exit_success);
    }
    return s.finish(run_command(s, c, words));
}

int dispatch(session& s, std::span<command const> table, std::span<std::string const> words) {
    if (auto const text = document(s, table, words); !text.empty()) {
        s.print(text);
        return s.finish(exit_success);
    }
    if (!words.empty() && (words.front() == "-h" || words.front() == "--help")) {
        return s.finish(run_help(s, table, words.subspan(1)));
    }
    auto const global = take_global_options(words);
    if (!global) {
        s.complain(global.error());
        return exit_usage;
    }
    s.global = *global;
    if (words.empty()) {
        s.print(help_text(s.program(), table));
        return s.finish(exit_failure);
    }
    auto const rest = words.subspan(1);
    if (words.front() == "help") {
        return s.finish(run_help(s, table, rest));
    }
    auto const c = find_command(table, words.front());
    return s.finish(c ? run_command(s, **c, rest) : s.fail(c.error()));
}

} // namespace xenpp::cli
