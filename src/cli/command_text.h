/* Texts in other languages than C, which CMake makes strings of: the files of src/cli/text. */
#ifndef WAVETRAIN_COMMAND_TEXT_H
#define WAVETRAIN_COMMAND_TEXT_H

extern const char wt_text_completion_bash[], wt_text_completion_zsh[], wt_text_completion_fish[];
extern const char wt_text_manual_head_man[], wt_text_manual_tail_man[], wt_text_config_head_man[];

#endif
