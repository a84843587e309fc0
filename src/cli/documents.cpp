// SPDX-License-Identifier: Apache-2.0
// Manual pages and completions.
#include <xenpp/cli/documents.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace xenpp::cli {
namespace {

/// Text that troff takes as it is.
std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if ((c == '.' || c == '\'') && out.empty()) {
            out += fmt::format("\\&{}", c);
        } else {
            out += c;
        }
    }
    return out;
}

std::string option_paragraph(option const& o) {
    std::vector<std::string> spellings;
    if (o.letter != 0) {
        spellings.push_back(fmt::format("\\fB\\-{}\\fR", o.letter));
    }
    if (!o.name.empty()) {
        spellings.push_back(fmt::format("\\fB\\-\\-{}\\fR", escaped(o.name)));
    }
    auto const argument =
        o.argument.empty() ? std::string() : fmt::format(" \\fI{}\\fR", escaped(o.argument));
    return fmt::format(".TP\n{}{}\n{}\n", fmt::join(spellings, ", "), argument, escaped(o.help));
}

bool is_one_command(std::string_view program, std::span<command const> table) {
    return table.size() == 1 && table.front().name == program;
}

std::string command_section(command const& c) {
    auto out = fmt::format(".SS \"{} {}\"\n", escaped(c.name), escaped(c.operands));
    out += fmt::format("{}{}.\n", c.run == nullptr ? "Not supported: " : "", escaped(c.summary));
    for (auto const& o : c.options) {
        out += option_paragraph(o);
    }
    return out;
}

/// "-a --all", what bash offers after a hyphen.
std::string option_words(command const& c) {
    std::vector<std::string> words{"-h", "--help"};
    for (auto const& o : c.options) {
        if (o.letter != 0) {
            words.push_back(fmt::format("-{}", o.letter));
        }
        if (!o.name.empty()) {
            words.push_back(fmt::format("--{}", o.name));
        }
    }
    return fmt::format("{}", fmt::join(words, " "));
}

/// What an operand of the command is, by the words of its usage: "domain", "file", or nothing.
std::string_view operand_kind(command const& c) {
    if (c.operands.find("ConfigFile") != std::string_view::npos) {
        return "file";
    }
    bool const is_domain = c.operands.find("Domain>") != std::string_view::npos ||
                           c.operands.find("Domain]") != std::string_view::npos;
    return is_domain ? "domain" : "none";
}

} // namespace

std::string manual_page(std::string_view program, std::span<command const> table) {
    bool const is_one = is_one_command(program, table);
    auto out =
        fmt::format(".TH {} 1\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n{}\n", program, program,
                    is_one ? escaped(table.front().summary) : "manage the domains of a host",
                    program, is_one ? "[options]" : "[\\-vfNtT] subcommand [arguments]");
    if (is_one) {
        out += ".SH OPTIONS\n";
        for (auto const& o : table.front().options) {
            out += option_paragraph(o);
        }
        return out;
    }
    out += ".SH DESCRIPTION\nThe commands are those of Xen 4.17's xl. Any prefix that means one "
           "command alone will do. A domain is given by name, number or UUID.\n"
           ".SH COMMANDS\n";
    for (auto const& c : table) {
        out += command_section(c);
    }
    out += ".SH \"EXIT STATUS\"\n0 success; 1 failure, or a command that is not supported; 2 a "
           "mistake in options or operands. create returns libxl's number.\n"
           ".SH \"SEE ALSO\"\n.BR xentop (1)\n";
    return out;
}

std::string bash_completion(std::string_view program, std::span<command const> table) {
    auto const function = fmt::format("_xenpp_{}", program);
    auto out = fmt::format("# bash completion of {}; made from its table of commands\n{}() {{\n",
                           program, function);
    out += "    local word=${COMP_WORDS[COMP_CWORD]} command= options= operand=none i\n"
           "    COMPREPLY=()\n";
    if (is_one_command(program, table)) {
        out += fmt::format("    COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n",
                           option_words(table.front()));
    } else {
        std::vector<std::string_view> names{"help"};
        out +=
            "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
            "        case ${COMP_WORDS[i]} in -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac\n"
            "    done\n"
            "    case $command in\n";
        for (auto const& c : table) {
            if (c.run != nullptr) {
                names.push_back(c.name);
                out += fmt::format("    {}) options=\"{}\"; operand={} ;;\n", c.name,
                                   option_words(c), operand_kind(c));
            }
        }
        auto const all = fmt::format("{}", fmt::join(names, " "));
        out +=
            fmt::format("    '' | help) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n"
                        "    esac\n",
                        all);
        out += "    case $word in\n"
               "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
               "    *)\n"
               "        case $operand in\n"
               "        file) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
               "        domain) COMPREPLY=($(compgen -W \"$(xl host status >/dev/null 2>&1 &&\n"
               "            xl list --ndjson 2>/dev/null | sed 's/^{\"name\": "
               "\"\\([^\"]*\\)\".*/\\1/')\" "
               "-- \"$word\")) ;;\n"
               "        esac ;;\n"
               "    esac\n";
    }
    return out + fmt::format("}}\ncomplete -F {} {}\n", function, program);
}

} // namespace xenpp::cli
