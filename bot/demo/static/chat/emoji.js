// The shortcodes that chat-ops messages use. Others are shown as they were written.

const TABLE = `
white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|negative_squared_cross_mark ❎|warning ⚠️
rotating_light 🚨|no_entry ⛔|no_entry_sign 🚫|octagonal_sign 🛑|stop_sign 🛑|construction 🚧|information_source ℹ️
question ❓|exclamation ❗|bangbang ‼️|bulb 💡|bell 🔔|no_bell 🔕|mega 📣|loudspeaker 📢|speech_balloon 💬
hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|alarm_clock ⏰|clock1 🕐|clock3 🕒|calendar 📅|date 📅|spiral_calendar_pad 🗓️
arrows_counterclockwise 🔄|arrows_clockwise 🔃|repeat 🔁|arrow_forward ▶️|arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️|arrow_down ⬇️
double_vertical_bar ⏸️|pause_button ⏸️|black_square_for_stop ⏹️|fast_forward ⏩|leftwards_arrow_with_hook ↩️|recycle ♻️
large_green_circle 🟢|large_yellow_circle 🟡|large_orange_circle 🟠|red_circle 🔴|large_blue_circle 🔵|white_circle ⚪|black_circle ⚫
large_green_square 🟩|large_yellow_square 🟨|large_red_square 🟥|white_large_square ⬜|small_blue_diamond 🔹|small_orange_diamond 🔸
heavy_plus_sign ➕|heavy_minus_sign ➖|new 🆕|up 🆙|ok 🆗|sos 🆘|zzz 💤|zap ⚡|fire 🔥|boom 💥|sparkles ✨|star ⭐|tada 🎉|rocket 🚀
wave 👋|+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|ok_hand 👌|clap 👏|raised_hands 🙌|raised_hand ✋|hand ✋|pray 🙏|point_right 👉|eyes 👀|muscle 💪
smile 😄|grinning 😀|slightly_smiling_face 🙂|wink 😉|thinking_face 🤔|sweat_smile 😅|cry 😢|sob 😭|scream 😱|robot_face 🤖|ghost 👻|skull 💀|heart ❤️
bust_in_silhouette 👤|busts_in_silhouette 👥|family 👪|office 🏢|house 🏠|door 🚪|key 🔑|old_key 🗝️|lock 🔒|unlock 🔓|closed_lock_with_key 🔐|shield 🛡️
ticket 🎫|admission_tickets 🎟️|label 🏷️|bookmark 🔖|paperclip 📎|link 🔗|email 📧|envelope ✉️|incoming_envelope 📨|inbox_tray 📥|outbox_tray 📤|mailbox 📫
memo 📝|pencil 📝|pencil2 ✏️|clipboard 📋|page_facing_up 📄|scroll 📜|file_folder 📁|open_file_folder 📂|card_index 📇|books 📚|mag 🔍|mag_right 🔎
bar_chart 📊|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|package 📦|wastebasket 🗑️|broom 🧹|gear ⚙️|wrench 🔧|hammer 🔨|hammer_and_wrench 🛠️|toolbox 🧰
electric_plug 🔌|satellite_antenna 📡|globe_with_meridians 🌐|computer 💻|floppy_disk 💾|bug 🐛|test_tube 🧪|crystal_ball 🔮|checkered_flag 🏁|traffic_light 🚦|coffee ☕`;

const BY_NAME = new Map(
  TABLE.trim().split(/[|\n]/).map((entry) => {
    const cut = entry.lastIndexOf(" ");
    return [entry.slice(0, cut), entry.slice(cut + 1)];
  }),
);

/** The character for a shortcode without its colons, or undefined. */
export const emoji = (name) => BY_NAME.get(name);

/** Text with its known shortcodes replaced, as Slack does in plain_text objects. */
export function withEmoji(text) {
  return String(text ?? "").replace(/:([a-z0-9_+-]+):/g, (whole, name) => BY_NAME.get(name) ?? whole);
}
