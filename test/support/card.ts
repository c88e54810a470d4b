/** A card with one button. */
export const card = {
  card_type: "button_interaction",
  main_title: { title: "Well?" },
  button_list: [{ text: "Yes", key: "yes" }],
  task_id: "task-1"
} as const
