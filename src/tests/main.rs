mod top_level;
